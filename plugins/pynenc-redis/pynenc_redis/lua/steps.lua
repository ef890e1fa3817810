-- The plain cases of the steps that happen for every task (pynenc.ports.shortcuts): checked as a whole, then done.

local RECOVERIES = 22
local TICK_SECONDS = 1e-6

local function add_history(p, r, actor)
    local sequence = redis.call('INCR', p .. 'sequence')
    redis.call('RPUSH', p .. 'h:' .. r[R.id], cmsgpack.pack({
        sequence, r[R.status], actor, r[R.owner], r[R.attempt], r[R.changed_at],
    }))
    redis.call('XADD', p .. 'changes', sequence .. '-0', 'i', r[R.id])
end

-- {calls, workers to wake, whether event loops too}. A call: {record, arguments, place or false}.
functions.submit = function(p, args)
    local step = cmsgpack.unpack(args[1])
    local records = {}
    for n, call in ipairs(step[1]) do
        records[n] = cmsgpack.unpack(call[1])
        if redis.call('EXISTS', p .. 'i:' .. records[n][R.id]) == 1 then
            return false
        end
    end
    for n, call in ipairs(step[1]) do
        local record = records[n]
        write_record(p, nil, record, call[1], record[15])
        redis.call('SET', p .. 'a:' .. record[R.id], call[2], 'NX')
        if call[3] then
            push(p, record[R.id], call[3], record[R.priority], 0)
        end
    end
    if step[2] > 0 then
        wake(p, step[2], step[3])
    end
    return 1
end

-- The edges to an invocation as {waiter, address}; nil if one of them is of somebody who left to come back ('~...').
local function edges_to(p, id)
    local edges = {}
    for _, member in ipairs(redis.call('SMEMBERS', p .. 'to:' .. id)) do
        local waiter, address = string.match(member, '^(.*)%z(.*)$')
        if string.sub(address, 1, 1) == '~' then
            return nil
        end
        edges[#edges + 1] = { waiter, address }
    end
    return edges
end

local function release(p, id, edges)
    for _, edge in ipairs(edges) do
        if edge[1] ~= '' then
            redis.call('SREM', p .. 'from:' .. edge[1], id .. '\0' .. edge[2])
        end
    end
    if #edges > 0 then
        redis.call('DEL', p .. 'to:' .. id)
        redis.call('SREM', p .. 'awaited', id)
    end
end

-- A change: {record, actor, expected status, expected attempt, expected time of change}. The stored record, if so.
local function expected(p, change, new)
    local old = stored(p, new[R.id])
    if old and old[R.status] == change[3] and old[R.attempt] == change[4] and old[R.changed_at] == change[5]
        and old[25] == new[25] then
        return old
    end
end

local function is_short(record, short)
    return short[record[R.task]] and record[RECOVERIES] == 0
end

-- Claim from queues: {owner, places, limit, how many to start, short tasks or false, now}.
local function claim(p, plan)
    local owner, limit, start, now = plan[1], plan[3], plan[4], plan[6]
    local short = nil
    if plan[5] then
        short = {}
        for _, task in ipairs(plan[5]) do
            short[task] = true
        end
    end
    local entries = first(p, meant(p, plan[2]), limit)
    local claimed, scoped, halted = {}, false, false
    for _, entry in ipairs(entries) do
        local id, place = entry[1], entry[2]
        local old = stored(p, id)
        if old and old[R.running_key] and AVAILABLE[old[R.status]] then
            scoped = true
            break
        end
        redis.call('ZREM', p .. 'q:' .. place, id)
        redis.call('HDEL', p .. 'queued', id)
        if old and AVAILABLE[old[R.status]] and not (old[R.not_before] and old[R.not_before] > now) then
            local new = {}
            for n = 1, #old do
                new[n] = old[n]
            end
            new[R.not_before] = false
            new[R.status], new[R.owner] = 'pending', owner
            new[R.attempt], new[R.claimed_at] = old[R.attempt] + 1, now
            new[R.changed_at] = math.max(now, old[R.changed_at] + TICK_SECONDS)
            add_history(p, new, owner)
            -- Those before the first that is not short start together; the first of all always may.
            local starts = #claimed < start and not halted
            if starts and short and not is_short(new, short) then
                halted = true
                starts = #claimed == 0
            end
            local blob
            if starts then
                new[R.status] = 'running'
                new[R.changed_at] = math.max(now, new[R.changed_at] + TICK_SECONDS)
                blob = cmsgpack.pack(new)
                write_record(p, old, new, blob, owner)
            else
                blob = cmsgpack.pack(new)
                write_record(p, old, new, blob)
            end
            local priority = parts_of(entry[3])
            claimed[#claimed + 1] = { blob, redis.call('GET', p .. 'a:' .. id) or '', tostring(priority) }
        end
    end
    return claimed, #entries >= limit, scoped
end

-- {finishes, changes, plan or false, own address or ''}. A finish: a change (see expected), its outcome, its reply address.
-- What a thread was answered last is kept for a while: key last.answer:<thread>, a hash of mark and answer.
functions.advance = function(p, args)
    local kept = p .. 'last.answer:' .. args[2]
    local last = redis.call('HMGET', kept, 'mark', 'answer')
    if last[1] == args[3] then
        return cmsgpack.unpack(last[2])
    end
    local step = cmsgpack.unpack(args[1])
    local finishes, changes, plan, own = step[1], step[2], step[3], step[4]
    local news, olds, edges = {}, {}, {}
    for n, finish in ipairs(finishes) do
        news[n] = cmsgpack.unpack(finish[1])
        olds[n] = expected(p, finish, news[n])
        edges[n] = edges_to(p, news[n][R.id])
        if not olds[n] or not edges[n] then
            return false
        end
    end
    local begun, before = {}, {}
    for n, change in ipairs(changes) do
        begun[n] = cmsgpack.unpack(change[1])
        before[n] = expected(p, change, begun[n])
        if not before[n] then
            return false
        end
    end
    local messages, order, here, awaited = {}, {}, {}, 0
    local function tell(address, id)
        if address == own then
            here[#here + 1] = id
        elseif address and address ~= '' then
            if not messages[address] then
                messages[address] = {}
                order[#order + 1] = address
            end
            table.insert(messages[address], id)
        end
    end
    for n, finish in ipairs(finishes) do
        local id = news[n][R.id]
        if finish[6] then
            redis.call('HSET', p .. 'o:' .. id, finish[7], finish[6])
        end
        write_record(p, olds[n], news[n], finish[1], finish[2])
        tell(news[n][16], id)
        for _, edge in ipairs(edges[n]) do
            tell(edge[2], id)
        end
        release(p, id, edges[n])
    end
    for n, change in ipairs(changes) do
        write_record(p, before[n], begun[n], change[1], change[2])
    end
    local claimed, more, scoped = {}, false, false
    if plan then
        claimed, more, scoped = claim(p, plan)
    end
    local lines = {}
    for n, address in ipairs(order) do
        lines[n] = { address, table.concat(messages[address], '\n') }
    end
    awaited = notify(p, lines)
    local answer = { claimed, more and 1 or 0, scoped and 1 or 0, here, awaited }
    redis.call('HSET', kept, 'mark', args[3], 'answer', cmsgpack.pack(answer))
    redis.call('EXPIRE', kept, 600)
    return answer
end
