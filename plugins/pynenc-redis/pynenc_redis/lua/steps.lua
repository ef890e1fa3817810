-- The plain cases of the steps that happen for every task (pynenc.ports.shortcuts): checked as a whole, then done.

local RECOVERIES = 22
local TICK_SECONDS = 1e-6

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

-- What a runner may claim: {owner, places, limit, how many to start, short tasks or false, now}.
local function claiming(plan)
    local c = { owner = plan[1], places = plan[2], limit = plan[3], start = plan[4], now = plan[6], claimed = {} }
    if plan[5] then
        c.short = {}
        for _, task in ipairs(plan[5]) do
            c.short[task] = true
        end
    end
    return c
end

local function is_free(c, record)
    return record and AVAILABLE[record[R.status]] and not record[R.running_key]
        and not (record[R.not_before] and record[R.not_before] > c.now)
end

local function take(p, c, old, priority)
    local id, new = old[R.id], {}
    for n = 1, #old do
        new[n] = old[n]
    end
    new[R.not_before] = false
    new[R.status], new[R.owner] = 'pending', c.owner
    new[R.attempt], new[R.claimed_at] = old[R.attempt] + 1, c.now
    new[R.changed_at] = math.max(c.now, old[R.changed_at] + TICK_SECONDS)
    -- Those before the first that is not short start together; the first of all always may.
    local starts = #c.claimed < c.start and not c.halted
    if starts and c.short and not is_short(new, c.short) then
        c.halted = true
        starts = #c.claimed == 0
    end
    local blob
    if starts then
        add_history(p, new, c.owner)
        new[R.status] = 'running'
        new[R.changed_at] = math.max(c.now, new[R.changed_at] + TICK_SECONDS)
    end
    blob = cmsgpack.pack(new)
    write_record(p, old, new, blob, c.owner)
    c.claimed[#c.claimed + 1] = { blob, redis.call('GET', p .. 'a:' .. id) or '', tostring(priority) }
end

-- Claim from queues; whether they hold more, and whether something with a scope is next.
local function claim(p, c)
    local room = c.limit - #c.claimed
    if room <= 0 then
        return false, false
    end
    local entries = first(p, meant(p, c.places), room)
    for _, entry in ipairs(entries) do
        local id, place = entry[1], entry[2]
        local old = stored(p, id)
        if old and old[R.running_key] and AVAILABLE[old[R.status]] then
            return #entries >= room, true
        end
        redis.call('ZREM', p .. 'q:' .. place, id)
        redis.call('HDEL', p .. 'queued', id)
        if is_free(c, old) then
            local priority = parts_of(entry[3])
            take(p, c, old, priority)
        end
    end
    return #entries >= room, false
end

-- Who is to be told of which ids: others by message, this process by the answer.
local function telling(own)
    return { own = own, here = {}, order = {}, messages = {} }
end

local function tell(t, address, id)
    if address == t.own then
        t.here[#t.here + 1] = id
    elseif address and address ~= '' then
        if not t.messages[address] then
            t.messages[address] = {}
            t.order[#t.order + 1] = address
        end
        table.insert(t.messages[address], id)
    end
end

local function send(p, t)
    local lines = {}
    for n, address in ipairs(t.order) do
        lines[n] = { address, table.concat(t.messages[address], '\n') }
    end
    return notify(p, lines)
end

-- Finishes as they will be written, or nil if one of them is not plain. A finish: a change, its outcome, its attempt.
local function checked_finishes(p, finishes)
    local checked = {}
    for n, finish in ipairs(finishes) do
        local new = cmsgpack.unpack(finish[1])
        local old, edges = expected(p, finish, new), edges_to(p, new[R.id])
        if not old or not edges then
            return nil
        end
        checked[n] = { new = new, old = old, edges = edges }
    end
    return checked
end

local function write_finishes(p, finishes, checked, t)
    for n, finish in ipairs(finishes) do
        local c = checked[n]
        local id = c.new[R.id]
        if finish[6] then
            redis.call('HSET', p .. 'o:' .. id, finish[7], finish[6])
        end
        write_record(p, c.old, c.new, finish[1], finish[2])
        tell(t, c.new[16], id)
        for _, edge in ipairs(c.edges) do
            tell(t, edge[2], id)
        end
        release(p, id, c.edges)
    end
end

-- What a thread was answered last is kept for a while: key last.answer:<thread>, a hash of mark and answer. Marks of a
-- thread grow, and are of one length.
local function answered(p, args)
    local last = redis.call('HMGET', p .. 'last.answer:' .. args[2], 'mark', 'answer')
    if last[1] == args[3] then
        return cmsgpack.unpack(last[2])
    elseif last[1] and args[3] < last[1] then
        -- On its way for so long that its thread gave it up, and has asked for something else.
        return redis.error_reply('STALE this step was given up')
    end
end

local function answer(p, args, value)
    redis.call('HSET', p .. 'last.answer:' .. args[2], 'mark', args[3], 'answer', cmsgpack.pack(value))
    redis.call('EXPIRE', p .. 'last.answer:' .. args[2], 600)
    return value
end

-- {finishes, changes, plan or false, own address}.
functions.advance = function(p, args)
    local last = answered(p, args)
    if last then
        return last
    end
    local step = cmsgpack.unpack(args[1])
    local finishes, changes, plan = step[1], step[2], step[3]
    local checked = checked_finishes(p, finishes)
    if not checked then
        return false
    end
    local begun, before = {}, {}
    for n, change in ipairs(changes) do
        begun[n] = cmsgpack.unpack(change[1])
        before[n] = expected(p, change, begun[n])
        if not before[n] then
            return false
        end
    end
    local t = telling(step[4])
    write_finishes(p, finishes, checked, t)
    for n, change in ipairs(changes) do
        write_record(p, before[n], begun[n], change[1], change[2])
    end
    local more, scoped, claimed = false, false, {}
    if plan then
        local c = claiming(plan)
        more, scoped = claim(p, c)
        claimed = c.claimed
    end
    return answer(p, args, { claimed, more and 1 or 0, scoped and 1 or 0, t.here, send(p, t) })
end

-- Whether one of these waits for an invocation, directly or through others; looked for upwards, as far as it may be far.
local function is_above(p, id, wanted)
    local level, seen, count = { id }, { [id] = true }, 0
    while #level > 0 and count < 10000 do
        local higher = {}
        for _, each in ipairs(level) do
            for _, member in ipairs(redis.call('SMEMBERS', p .. 'to:' .. each)) do
                local waiter = string.match(member, '^(.*)%z')
                if waiter ~= '' and not seen[waiter] then
                    if wanted[waiter] then
                        return true
                    end
                    seen[waiter] = true
                    count = count + 1
                    higher[#higher + 1] = waiter
                end
            end
        end
        level = higher
    end
    return false
end

-- Whether waiting for these could go in a circle, or repeat a call that is waited for: then somebody has to look closer.
-- Where circles do not count, scopes and priorities still go down the chain of waits.
local function is_suspicious(p, waiter, awaited, circles)
    local wanted, any = {}, false
    for _, each in ipairs(awaited) do
        local status = each[R.status]
        if each[R.id] == waiter[R.id] or status == 'paused' or each[R.running_key] then
            return true
        end
        if circles and AVAILABLE[status] then
            if each[R.task] == waiter[R.task] and each[R.args] == waiter[R.args] then
                return true
            end
            for _, id in ipairs(redis.call('SMEMBERS', p .. 'pa:' .. each[R.args])) do
                wanted[id] = true
                any = true
            end
        end
    end
    return any and is_above(p, waiter[R.id], wanted)
end

local function serves(places, record)
    for _, place in ipairs(places) do
        if place == record[R.queue] .. '\0' .. record[R.lane] or place == '*\0' .. record[R.lane] then
            return true
        end
    end
    return #places == 0
end

-- {finishes, waiter (a change), awaited ids, whether all, address, whether to look for circles, priority or false, plan or
-- false, own address}. The answer: {paused, records of the awaited, claimed, ids for this process, how many were told}.
functions.wait = function(p, args)
    local last = answered(p, args)
    if last then
        return last
    end
    local step = cmsgpack.unpack(args[1])
    local finishes, request, ids, all, address, priority, plan = step[1], step[2], step[3], step[4], step[5], step[7], step[8]
    local checked = checked_finishes(p, finishes)
    local paused = cmsgpack.unpack(request[1])
    local waiter = expected(p, request, paused)
    if not checked or not waiter then
        return false
    end
    local ending = {}
    for _, c in ipairs(checked) do
        ending[c.new[R.id]] = c.new
    end
    local awaited, blobs, finals = {}, {}, 0
    for n, id in ipairs(ids) do
        local record, blob = stored(p, id)
        if not record then
            return false
        end
        if ending[id] then
            return false
        end
        awaited[n], blobs[n] = record, blob
        if FINAL[record[R.status]] then
            finals = finals + 1
        end
    end
    local ready = finals == #ids or (finals > 0 and not all)
    if not ready and is_suspicious(p, waiter, awaited, step[6]) then
        return false
    end
    local t = telling(step[9])
    write_finishes(p, finishes, checked, t)
    local claimed = {}
    if not ready then
        write_record(p, waiter, paused, request[1], request[2])
        for _, each in ipairs(awaited) do
            if not FINAL[each[R.status]] then
                redis.call('SADD', p .. 'to:' .. each[R.id], waiter[R.id] .. '\0' .. address)
                redis.call('SADD', p .. 'from:' .. waiter[R.id], each[R.id] .. '\0' .. address)
                redis.call('SADD', p .. 'awaited', each[R.id])
            end
        end
        local c = plan and claiming(plan)
        local taken = {}
        if c and priority then
            for _, each in ipairs(awaited) do
                if #c.claimed < c.limit and is_free(c, each) and serves(c.places, each) then
                    unqueue(p, each[R.id])
                    taken[each[R.id]] = true
                    take(p, c, each, each[R.priority])
                end
            end
        end
        if c then
            claim(p, c)
            claimed = c.claimed
            for _, each in ipairs(claimed) do
                taken[cmsgpack.unpack(each[1])[R.id]] = true
            end
        end
        if priority then
            for _, each in ipairs(awaited) do
                if AVAILABLE[each[R.status]] and not taken[each[R.id]] then
                    promote(p, each[R.id], math.max(each[R.priority], priority), 1)
                end
            end
        end
    end
    return answer(p, args, { ready and 0 or 1, blobs, claimed, t.here, send(p, t) })
end

-- A waiter (a change) goes on, and waits for nobody any more.
functions.resume = function(p, args)
    local change = cmsgpack.unpack(args[1])
    local new = cmsgpack.unpack(change[1])
    local id = new[R.id]
    local old, present = expected(p, change, new), stored(p, id)
    if not old then
        -- It may have been done, and the answer lost.
        local done = present and present[R.status] == new[R.status] and present[R.attempt] == new[R.attempt]
            and present[R.owner] == new[R.owner] and present[R.changed_at] == new[R.changed_at]
        return done and 1 or false
    end
    write_record(p, old, new, change[1], change[2])
    for _, member in ipairs(redis.call('SMEMBERS', p .. 'from:' .. id)) do
        local awaited, address = string.match(member, '^(.*)%z(.*)$')
        redis.call('SREM', p .. 'to:' .. awaited, id .. '\0' .. address)
        if redis.call('SCARD', p .. 'to:' .. awaited) == 0 then
            redis.call('SREM', p .. 'awaited', awaited)
        end
    end
    redis.call('DEL', p .. 'from:' .. id)
    return 1
end
