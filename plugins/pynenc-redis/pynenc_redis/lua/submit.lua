-- Submitting calls in one trip (pynenc.ports.shortcuts).

local REGISTERED_BY = 15

-- {calls, workers to wake, whether event loops too}. A call: {record, arguments, place or false}.
functions.submit = function(p, args)
    local step = cmsgpack.unpack(args[1])
    local records, keys = {}, {}
    for n, call in ipairs(step[1]) do
        records[n] = unpacked(call[1])
        keys[n] = p .. 'i:' .. records[n][R.id]
    end
    if call_with('EXISTS', nil, keys) > 0 then
        return false
    end
    local w = begin_step(p)
    for n, call in ipairs(step[1]) do
        local record, last = records[n], #w.strings
        w.strings[last + 1], w.strings[last + 2] = p .. 'a:' .. record[R.id], call[2]
        write_record(w, nil, record, call[1], record[REGISTERED_BY])
    end
    push_new(p, step[1], records, finish_step(w))
    return announce(p, step[2], step[3])
end

-- Of calls that are alike nothing has to be gathered: which keys they need is known, and every key gets one command.
-- Arguments: task, queue, place (empty: another product queues), priority, parent and workflow (empty: none; each its own), what follows the sequence in
-- an entry of the history, how many workers to wake, whether event loops too; then id, record and arguments of each call.
functions.submit_alike = function(p, args)
    local task, place, parent, workflow, entry = args[1], args[3], args[5], args[6], args[7]
    local ids, keys, strings, members = {}, {}, {}, {}
    local n, last = 0, 0
    for at = 10, #args, 3 do
        local id = args[at]
        n = n + 1
        ids[n], keys[n] = id, p .. 'i:' .. id
        strings[last + 1], strings[last + 2] = keys[n], args[at + 1]
        strings[last + 3], strings[last + 4] = p .. 'a:' .. id, args[at + 2]
        -- A number would be turned into a text at every use.
        members[2 * n - 1], members[2 * n] = '0', id
        last = last + 4
    end
    if n == 1 then
        if redis.call('MSETNX', strings[1], strings[2], strings[3], strings[4]) == 0 then
            return false
        end
    elseif call_with('EXISTS', nil, keys) > 0 then
        return false
    else
        set_strings(strings)
    end
    call_with('ZADD', p .. 't:' .. task, members)
    if parent ~= '' then
        call_with('ZADD', p .. 'par:' .. parent, members)
    end
    if workflow ~= '' then
        call_with('ZADD', p .. 'wf:' .. workflow, members)
    end
    call_with('ZADD', p .. 'st:registered', members)
    if redis.call('HINCRBY', p .. 'count', task .. '\0' .. args[2] .. '\0registered', n) <= n then
        -- Otherwise it has invocations, and is known.
        redis.call('SADD', p .. 'tasks', task)
    end
    local sequence = redis.call('INCRBY', p .. 'sequence', n) - n
    for each, id in ipairs(ids) do
        redis.call('RPUSH', p .. 'h:' .. id, HISTORY_HEAD .. cmsgpack.pack(sequence + each) .. entry)
    end
    for start = 1, n, CROWD do
        local stop = math.min(n, start + CROWD - 1)
        redis.call('XADD', p .. 'changes', (sequence + stop) .. '-0', 'i', table.concat(ids, '\n', start, stop))
    end
    if place ~= '' then
        local priority, queued = tonumber(args[4]), {}
        for each, id in ipairs(ids) do
            members[2 * each - 1] = score_of(priority, 0, (sequence + each) % AGES)
            queued[2 * each - 1], queued[2 * each] = id, place
        end
        call_with('ZADD', p .. 'q:' .. place, members)
        redis.call('HSETNX', p .. 'places', place, '1')
        call_with('HSET', p .. 'queued', queued)
    end
    return announce(p, tonumber(args[8]), args[9] == '1')
end
