-- The ledger's side of the server: everything that follows from one change of one invocation.
--
-- A map of the keys. All begin with the application's prefix, KEYS[1], whose hash tag puts them in one slot of a cluster.
-- Sorted sets with score 0 are in the order of their members, which is the order of registration.
--
--   i:<id>        string  the record (MessagePack; the places of its fields: R)
--   h:<id>        list    its history: MessagePack of sequence, status, actor, owner (true: the actor), attempt, time
--   changes       stream  <sequence>-0: the ids, one in a line, of who changed in a step, up to that sequence
--   sequence      string  the newest number that was given to a change, or to an entry of a queue as its age
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

-- A record is packed as a list of so many fields, behind a head of so many bytes.
local FIELDS, HEAD_BYTES = 25, 3

local function listed(_, ...)
    return { ... }
end

-- A record, of its text. Unpacked as a list it would grow, and be copied, five times on the way.
local function unpacked(blob)
    return listed(cmsgpack.unpack_limit(blob, FIELDS, HEAD_BYTES))
end

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

-- A step writes many records, and every command costs more than what it does: what belongs to one key is gathered here
-- and written by one command when the step has come to its end (finish_step). Nothing is read back before that but records.
-- The server's Lua hashes every text as a whole, so they are made as seldom as possible.
local function begin_step(p)
    return {
        p = p,
        -- Records as they stand in this step, and their texts, by id.
        records = {}, blobs = {},
        -- What is put and what is taken, by key: of sorted sets scores and members in turn, of sets members. Nothing is put
        -- and taken in the same step (see functions.write).
        sorted = {}, unsorted = {}, put = {}, taken = {},
        -- Keys and values in turn; group -> change of its number; keys to delete; {id, status, actor, ...} of each change.
        strings = {}, counts = {}, gone = {}, history = {},
    }
end

local function gather(lists, key, member)
    local list = lists[key]
    if not list then
        lists[key] = { member }
    elseif list[#list] ~= member then
        list[#list + 1] = member
    end
end

local function gather_scored(w, key, member, score)
    local list = w.sorted[key]
    if list then
        local n = #list
        list[n + 1], list[n + 2] = score, member
    else
        w.sorted[key] = { score, member }
    end
end

-- The server's Lua takes some thousand arguments at once.
local PORTION = 2000

-- A command for a key (or none) with any number of arguments; what it answered, in sum.
local function call_with(command, key, args)
    if key and #args > 0 and #args <= PORTION then
        return redis.call(command, key, unpack(args))
    end
    local sum = 0
    for start = 1, #args, PORTION do
        local stop = math.min(#args, start + PORTION - 1)
        if key then
            sum = sum + redis.call(command, key, unpack(args, start, stop))
        else
            sum = sum + redis.call(command, unpack(args, start, stop))
        end
    end
    return sum
end

local function set_strings(strings)
    for start = 1, #strings, PORTION do
        redis.call('MSET', unpack(strings, start, math.min(#strings, start + PORTION - 1)))
    end
end

-- How an entry of a history begins: a list of six.
local HISTORY_HEAD = '\150'

-- Ids of one entry of `changes`: whoever reads a short page should not have to look at many more.
local CROWD = 50

local function write_history(w)
    local p, entries = w.p, w.history
    local sequence = redis.call('INCRBY', p .. 'sequence', #entries) - #entries
    local ids, n = {}, 1
    while n <= #entries do
        local id, packed = entries[n][1], {}
        repeat
            local entry = entries[n]
            entry[1] = sequence + n
            -- A runner's id is a third of an entry, and most entries have the same one twice.
            entry[4] = entry[4] == entry[3] or entry[4]
            packed[#packed + 1] = cmsgpack.pack(entry)
            n = n + 1
        until n > #entries or entries[n][1] ~= id
        redis.call('RPUSH', p .. 'h:' .. id, unpack(packed))
        ids[#ids + 1] = id
        if #ids == CROWD or n > #entries then
            redis.call('XADD', p .. 'changes', (sequence + n - 1) .. '-0', 'i', table.concat(ids, '\n'))
            ids = {}
        end
    end
    return sequence
end

-- Write what was gathered. The number before those of its changes.
local function finish_step(w)
    local p = w.p
    set_strings(w.strings)
    for key, members in pairs(w.unsorted) do
        call_with('ZREM', key, members)
    end
    for key, members in pairs(w.sorted) do
        call_with('ZADD', key, members)
    end
    for key, members in pairs(w.taken) do
        call_with('SREM', key, members)
    end
    for key, members in pairs(w.put) do
        call_with('SADD', key, members)
    end
    for group, change in pairs(w.counts) do
        if change ~= 0 and redis.call('HINCRBY', p .. 'count', group, change) <= 0 then
            redis.call('HDEL', p .. 'count', group)
        end
    end
    call_with('DEL', nil, w.gone)
    return #w.history > 0 and write_history(w)
end

local function count(w, record, change)
    local group = group_of(record)
    w.counts[group] = (w.counts[group] or 0) + change
end

-- Read records that the step will need, in one go.
local function read_records(w, ids)
    local keys, wanted = {}, {}
    for _, id in ipairs(ids) do
        if w.blobs[id] == nil then
            keys[#keys + 1] = w.p .. 'i:' .. id
            wanted[#wanted + 1] = id
        end
    end
    for start = 1, #keys, PORTION do
        for n, blob in ipairs(redis.call('MGET', unpack(keys, start, math.min(#keys, start + PORTION - 1)))) do
            w.blobs[wanted[start + n - 1]] = blob
        end
    end
end

-- A record as it stands in the step, and its text; nil if there is none.
local function stored(w, id)
    if w.blobs[id] == nil then
        w.blobs[id] = redis.call('GET', w.p .. 'i:' .. id)
    end
    local blob = w.blobs[id]
    if blob then
        w.records[id] = w.records[id] or unpacked(blob)
        return w.records[id], blob
    end
end

-- Written out index by index, and not as a list of memberships to be compared: this runs at every change of every task.
local function leave(w, id, old, new)
    local p, status, owner = w.p, old[R.status], old[R.owner]
    if owner then
        if owner ~= new[R.owner] then
            gather(w.taken, p .. 'own:' .. owner, id)
        end
    elseif status ~= new[R.status] or new[R.owner] then
        count(w, old, -1)
        if status ~= 'success' then
            gather(w.unsorted, p .. 'st:' .. status, id)
        end
    end
    if due_of(old) and not due_of(new) then
        gather(w.unsorted, p .. 'due', id)
    end
    local key = registration_of(old)
    if key and not registration_of(new) then
        gather(w.unsorted, p .. 'reg:' .. key, id)
    end
    if old[R.running_key] then
        local place = place_at_scope(p, old)
        if place and place ~= place_at_scope(p, new) then
            gather(w.unsorted, place, id)
        end
    end
    if status == 'paused' and new[R.status] ~= 'paused' then
        gather(w.taken, p .. 'pa:' .. old[R.args], id)
    end
end

local function enter(w, id, old, new)
    local p, status, owner = w.p, new[R.status], new[R.owner]
    if owner then
        if owner ~= old[R.owner] then
            gather(w.put, p .. 'own:' .. owner, id)
            gather(w.put, p .. 'owners', owner)
        end
    elseif status ~= old[R.status] or old[R.owner] then
        count(w, new, 1)
        if status ~= 'success' then
            gather_scored(w, p .. 'st:' .. status, id, 0)
        end
        if FINAL[status] then
            gather_scored(w, p .. 'fin', id, new[R.changed_at])
        end
    end
    local due = due_of(new)
    if due then
        gather_scored(w, p .. 'due', id, due)
    end
    local key = registration_of(new)
    if key then
        gather_scored(w, p .. 'reg:' .. key, id, 0)
    end
    if new[R.running_key] then
        local place, score = place_at_scope(p, new)
        if place then
            gather_scored(w, place, id, score)
        end
    end
    if status == 'paused' and old[R.status] ~= 'paused' then
        gather(w.put, p .. 'pa:' .. new[R.args], id)
    end
end

-- In place of a record that is not there.
local NOTHING = {}

local function add_history(w, r, actor)
    w.history[#w.history + 1] = { r[R.id], r[R.status], actor, r[R.owner], r[R.attempt], r[R.changed_at] }
end

-- Store a record in the place of `old` (nil: there is none). `actor` is who did it; nil: no status was written.
local function write_record(w, old, new, blob, actor)
    local p, id = w.p, new[R.id]
    local n = #w.strings
    w.records[id], w.blobs[id] = new, blob
    w.strings[n + 1], w.strings[n + 2] = p .. 'i:' .. id, blob
    if old then
        leave(w, id, old, new)
    else
        gather(w.put, p .. 'tasks', new[R.task])
        gather_scored(w, p .. 't:' .. new[R.task], id, 0)
        if new[R.parent] then
            gather_scored(w, p .. 'par:' .. new[R.parent], id, 0)
        end
        if new[R.workflow] ~= id then
            gather_scored(w, p .. 'wf:' .. new[R.workflow], id, 0)
        end
    end
    enter(w, id, old or NOTHING, new)
    if actor ~= nil then
        add_history(w, new, actor)
    end
end

-- Write records: a list of {record, actor}; actor nil: its status did not change.
functions.write = function(p, args)
    local w, written = begin_step(p), {}
    for _, item in ipairs(cmsgpack.unpack(args[1])) do
        local new = unpacked(item[1])
        if written[new[R.id]] then
            -- It may leave again what it has just entered.
            finish_step(w)
            w, written = begin_step(p), {}
        end
        written[new[R.id]] = true
        write_record(w, (stored(w, new[R.id])), new, item[1], item[2])
    end
    finish_step(w)
end

-- Forget entries of `changes` of which nobody is left, among those with these sequences.
local function forget_changes(p, sequences)
    local seen = {}
    for _, sequence in ipairs(sequences) do
        local entry = redis.call('XRANGE', p .. 'changes', sequence .. '-0', '+', 'COUNT', 1)[1]
        if entry and not seen[entry[1]] then
            seen[entry[1]] = true
            local keys = {}
            for id in string.gmatch(entry[2][2], '[^\n]+') do
                keys[#keys + 1] = p .. 'i:' .. id
            end
            if redis.call('EXISTS', unpack(keys)) == 0 then
                redis.call('XDEL', p .. 'changes', entry[1])
            end
        end
    end
end

-- Forget invocations, their history and their waits.
functions.drop = function(p, args)
    local w, sequences = begin_step(p), {}
    for _, id in ipairs(args) do
        local record = stored(w, id)
        if record then
            leave(w, id, record, NOTHING)
            gather(w.unsorted, p .. 'fin', id)
            gather(w.unsorted, p .. 't:' .. record[R.task], id)
            if record[R.parent] then
                gather(w.unsorted, p .. 'par:' .. record[R.parent], id)
            end
            gather(w.unsorted, p .. 'wf:' .. record[R.workflow], id)
            for _, entry in ipairs(redis.call('LRANGE', p .. 'h:' .. id, 0, -1)) do
                sequences[#sequences + 1] = cmsgpack.unpack(entry)[1]
            end
            w.blobs[id] = false
            w.gone[#w.gone + 1] = p .. 'i:' .. id
            w.gone[#w.gone + 1] = p .. 'h:' .. id
        end
    end
    finish_step(w)
    forget_changes(p, sequences)
end

-- How many for each task, queue and status: a list of {task, queue, status, count}.
functions.groups = function(p)
    local found, w = {}, begin_step(p)
    local counts = redis.call('HGETALL', p .. 'count')
    for n = 1, #counts, 2 do
        local task, queue, status = string.match(counts[n], '^(.*)%z(.*)%z(.*)$')
        found[#found + 1] = { task, queue, status, counts[n + 1] }
    end
    for _, owner in ipairs(redis.call('SMEMBERS', p .. 'owners')) do
        for _, id in ipairs(redis.call('SMEMBERS', p .. 'own:' .. owner)) do
            local record = stored(w, id)
            if record then
                found[#found + 1] = { record[R.task], record[R.queue], record[R.status], '1' }
            end
        end
    end
    return found
end
