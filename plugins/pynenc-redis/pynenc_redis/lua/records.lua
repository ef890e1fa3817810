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

-- The indexes that hold a record, as a list of: kind, key, score. `kind` says how they are kept.
local function memberships(p, r)
    local found = {}
    local status, owner = r[R.status], r[R.owner]
    if owner then
        found[#found + 1] = { 'owned', p .. 'own:' .. owner }
    else
        found[#found + 1] = { 'count', r[R.task] .. '\0' .. r[R.queue] .. '\0' .. status }
        if status ~= 'success' then
            found[#found + 1] = { 'sorted', p .. 'st:' .. status, 0 }
        end
        if FINAL[status] then
            found[#found + 1] = { 'sorted', p .. 'fin', r[R.changed_at] }
        end
        if r[R.not_before] and AVAILABLE[status] then
            found[#found + 1] = { 'sorted', p .. 'due', r[R.not_before] }
        end
    end
    if r[R.registration_key] and UNSTARTED[status] then
        found[#found + 1] = { 'sorted', p .. 'reg:' .. r[R.registration_key], 0 }
    end
    if r[R.running_key] then
        if owner then
            found[#found + 1] = { 'sorted', p .. 'sh:' .. r[R.running_key], r[R.claimed_at] or 0 }
        elseif status == 'concurrency_controlled' then
            found[#found + 1] = { 'sorted', p .. 'sl:' .. r[R.running_key], -r[R.priority] }
        end
    end
    if status == 'paused' then
        found[#found + 1] = { 'set', p .. 'pa:' .. r[R.args] }
    end
    return found
end

local function enter(p, id, m)
    local kind, key = m[1], m[2]
    if kind == 'sorted' then
        redis.call('ZADD', key, m[3], id)
    elseif kind == 'count' then
        redis.call('HINCRBY', p .. 'count', key, 1)
    else
        redis.call('SADD', key, id)
        if kind == 'owned' then
            redis.call('SADD', p .. 'owners', string.sub(key, #p + 5))
        end
    end
end

local function leave(p, id, m)
    local kind, key = m[1], m[2]
    if kind == 'sorted' then
        redis.call('ZREM', key, id)
    elseif kind == 'count' then
        if redis.call('HINCRBY', p .. 'count', key, -1) <= 0 then
            redis.call('HDEL', p .. 'count', key)
        end
    else
        redis.call('SREM', key, id)
    end
end

-- What a record is in from its registration until it is dropped.
local function lasting(p, r)
    local found = { { 'sorted', p .. 't:' .. r[R.task], 0 } }
    if r[R.parent] then
        found[#found + 1] = { 'sorted', p .. 'par:' .. r[R.parent], 0 }
    end
    if r[R.workflow] ~= r[R.id] then
        found[#found + 1] = { 'sorted', p .. 'wf:' .. r[R.workflow], 0 }
    end
    return found
end

-- Store a record in the place of `old` (nil: there is none). `actor` is who did it; nil: no status was written.
local function write_record(p, old, new, blob, actor)
    local id = new[R.id]
    redis.call('SET', p .. 'i:' .. id, blob)
    local now_in = memberships(p, new)
    if old then
        local kept = {}
        for _, m in ipairs(now_in) do
            kept[m[2]] = m[3] or 0
        end
        for _, m in ipairs(memberships(p, old)) do
            if kept[m[2]] ~= nil and kept[m[2]] == (m[3] or 0) then
                kept[m[2]] = false
            elseif kept[m[2]] == nil or m[1] ~= 'sorted' then
                leave(p, id, m)
            end
        end
        for _, m in ipairs(now_in) do
            if kept[m[2]] ~= false then
                enter(p, id, m)
            end
        end
    else
        redis.call('SADD', p .. 'tasks', new[R.task])
        for _, m in ipairs(lasting(p, new)) do
            enter(p, id, m)
        end
        for _, m in ipairs(now_in) do
            enter(p, id, m)
        end
    end
    if actor ~= nil then
        local sequence = redis.call('INCR', p .. 'sequence')
        redis.call('RPUSH', p .. 'h:' .. id, cmsgpack.pack({
            sequence, new[R.status], actor, new[R.owner], new[R.attempt], new[R.changed_at],
        }))
        redis.call('XADD', p .. 'changes', sequence .. '-0', 'i', id)
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
            for _, m in ipairs(memberships(p, record)) do
                leave(p, id, m)
            end
            for _, m in ipairs(lasting(p, record)) do
                leave(p, id, m)
            end
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
