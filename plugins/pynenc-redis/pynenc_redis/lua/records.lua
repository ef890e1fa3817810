-- The ledger's side of the server: everything that follows from one change of one invocation.
--
-- A map of the keys. All begin with the application's prefix, KEYS[1], whose hash tag puts them in one slot of a cluster.
-- Sorted sets with score 0 are in the order of their members, which is the order of registration.
--
--   i:<id>        string  the record (MessagePack; the places of its fields: R)
--   h:<id>        list    its history: MessagePack of sequence, status, actor, owner, attempt, time
--   changes       stream  <sequence>-0: the id of who changed
--   sequence      string  the number of the newest change that ever was
--   tasks         set     tasks that have invocations
--   t:<task>      zset 0  ids of a task's invocations
--   par:<id>      zset 0  its children
--   wf:<id>       zset 0  the members of a workflow, without the one that gave it its id
--   st:<status>   zset 0  who is in a status without an owner, but for successes, which are nearly all
--   own:<owner>   set     what a runner owns
--   owners        set     runners that own something, and some that did
--   fin           zset    final ones by the time of their last change
--   count         hash    <task> NUL <queue> NUL <status> -> how many, for statuses without an owner
--   due           zset    available ones that must not start before a time
--   reg:<key>     zset 0  who holds a registration scope: accepted and not started
--   sh:<key>      zset    who holds a running scope, by the time of the claim
--   sl:<key>      zset    who stands in line there, by priority
--   pa:<args>     set     who is paused, by the digest of its arguments

local R = {
    id = 1, task = 2, args = 3, parent = 4, workflow = 5, queue = 8, lane = 9, priority = 10, not_before = 11,
    registration_key = 12, running_key = 13, status = 18, owner = 19, attempt = 20, changed_at = 23, claimed_at = 24,
}

local function group_of(r)
    return r[R.task] .. '\0' .. r[R.queue] .. '\0' .. r[R.status]
end

-- The time for which `due` has a record, and its registration scope; false or nil where it has none.

local function due_of(r)
    return not r[R.owner] and AVAILABLE[r[R.status]] and r[R.not_before]
end

local function registration_of(r)
    return UNSTARTED[r[R.status]] and r[R.registration_key]
end

-- The key of a running scope that holds the record, and its score there.
local function place_at_scope(p, r)
    if not r[R.running_key] then
        return nil
    elseif r[R.owner] then
        return p .. 'sh:' .. r[R.running_key], r[R.claimed_at] or 0
    elseif r[R.status] == 'concurrency_controlled' then
        return p .. 'sl:' .. r[R.running_key], -r[R.priority]
    end
end

-- Written out index by index, and not as a list of memberships to be compared: this runs at every change of every task.
local function leave(p, id, old, new)
    local status, owner = old[R.status], old[R.owner]
    if owner then
        if owner ~= new[R.owner] then
            redis.call('SREM', p .. 'own:' .. owner, id)
        end
    elseif status ~= new[R.status] or new[R.owner] then
        local group = group_of(old)
        if redis.call('HINCRBY', p .. 'count', group, -1) <= 0 then
            redis.call('HDEL', p .. 'count', group)
        end
        if status ~= 'success' then
            redis.call('ZREM', p .. 'st:' .. status, id)
        end
    end
    if due_of(old) and not due_of(new) then
        redis.call('ZREM', p .. 'due', id)
    end
    local key = registration_of(old)
    if key and not registration_of(new) then
        redis.call('ZREM', p .. 'reg:' .. key, id)
    end
    if old[R.running_key] then
        local place = place_at_scope(p, old)
        if place and place ~= place_at_scope(p, new) then
            redis.call('ZREM', place, id)
        end
    end
    if status == 'paused' and new[R.status] ~= 'paused' then
        redis.call('SREM', p .. 'pa:' .. old[R.args], id)
    end
end

local function enter(p, id, old, new)
    local status, owner = new[R.status], new[R.owner]
    if owner then
        if owner ~= old[R.owner] then
            redis.call('SADD', p .. 'own:' .. owner, id)
            redis.call('SADD', p .. 'owners', owner)
        end
    elseif status ~= old[R.status] or old[R.owner] then
        redis.call('HINCRBY', p .. 'count', group_of(new), 1)
        if status ~= 'success' then
            redis.call('ZADD', p .. 'st:' .. status, 0, id)
        end
        if FINAL[status] then
            redis.call('ZADD', p .. 'fin', string.format('%.17g', new[R.changed_at]), id)
        end
    end
    local due = due_of(new)
    if due then
        redis.call('ZADD', p .. 'due', string.format('%.17g', due), id)
    end
    local key = registration_of(new)
    if key then
        redis.call('ZADD', p .. 'reg:' .. key, 0, id)
    end
    if new[R.running_key] then
        local place, score = place_at_scope(p, new)
        if place then
            redis.call('ZADD', place, string.format('%.17g', score), id)
        end
    end
    if status == 'paused' and old[R.status] ~= 'paused' then
        redis.call('SADD', p .. 'pa:' .. new[R.args], id)
    end
end

-- In place of a record that is not there.
local NOTHING = {}

local function add_history(p, r, actor)
    local id, sequence = r[R.id], redis.call('INCR', p .. 'sequence')
    redis.call('RPUSH', p .. 'h:' .. id, cmsgpack.pack({
        sequence, r[R.status], actor, r[R.owner], r[R.attempt], r[R.changed_at],
    }))
    redis.call('XADD', p .. 'changes', sequence .. '-0', 'i', id)
end

-- Store a record in the place of `old` (nil: there is none). `actor` is who did it; nil: no status was written.
local function write_record(p, old, new, blob, actor)
    local id = new[R.id]
    redis.call('SET', p .. 'i:' .. id, blob)
    if old then
        leave(p, id, old, new)
    else
        redis.call('SADD', p .. 'tasks', new[R.task])
        redis.call('ZADD', p .. 't:' .. new[R.task], 0, id)
        if new[R.parent] then
            redis.call('ZADD', p .. 'par:' .. new[R.parent], 0, id)
        end
        if new[R.workflow] ~= id then
            redis.call('ZADD', p .. 'wf:' .. new[R.workflow], 0, id)
        end
    end
    enter(p, id, old or NOTHING, new)
    if actor ~= nil then
        add_history(p, new, actor)
    end
end

local function stored(p, id)
    local blob = redis.call('GET', p .. 'i:' .. id)
    if blob then
        return cmsgpack.unpack(blob), blob
    end
end

-- Write records: a list of {record, actor}; actor nil: its status did not change.
functions.write = function(p, args)
    for _, item in ipairs(cmsgpack.unpack(args[1])) do
        local new = cmsgpack.unpack(item[1])
        write_record(p, (stored(p, new[R.id])), new, item[1], item[2])
    end
end

-- Forget invocations, their history and their waits.
functions.drop = function(p, args)
    for _, id in ipairs(args) do
        local record = stored(p, id)
        if record then
            leave(p, id, record, NOTHING)
            redis.call('ZREM', p .. 'fin', id)
            redis.call('ZREM', p .. 't:' .. record[R.task], id)
            if record[R.parent] then
                redis.call('ZREM', p .. 'par:' .. record[R.parent], id)
            end
            redis.call('ZREM', p .. 'wf:' .. record[R.workflow], id)
            for _, entry in ipairs(redis.call('LRANGE', p .. 'h:' .. id, 0, -1)) do
                redis.call('XDEL', p .. 'changes', cmsgpack.unpack(entry)[1] .. '-0')
            end
            redis.call('DEL', p .. 'i:' .. id, p .. 'h:' .. id)
        end
    end
end

-- How many for each task, queue and status: a list of {task, queue, status, count}.
functions.groups = function(p)
    local found = {}
    local counts = redis.call('HGETALL', p .. 'count')
    for n = 1, #counts, 2 do
        local task, queue, status = string.match(counts[n], '^(.*)%z(.*)%z(.*)$')
        found[#found + 1] = { task, queue, status, counts[n + 1] }
    end
    for _, owner in ipairs(redis.call('SMEMBERS', p .. 'owners')) do
        for _, id in ipairs(redis.call('SMEMBERS', p .. 'own:' .. owner)) do
            local record = stored(p, id)
            if record then
                found[#found + 1] = { record[R.task], record[R.queue], record[R.status], '1' }
            end
        end
    end
    return found
end
