-- The plain cases of the steps that happen for every task (pynenc.ports.shortcuts): checked as a whole, then done.

local REPLY_TO, CANCEL_REQUESTED = 16, 25

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

local function release(w, id, edges)
    for _, edge in ipairs(edges) do
        if edge[1] ~= '' then
            gather(w.taken, w.p .. 'from:' .. edge[1], id .. '\0' .. edge[2])
        end
    end
    if #edges > 0 then
        w.gone[#w.gone + 1] = w.p .. 'to:' .. id
        gather(w.taken, w.p .. 'awaited', id)
    end
end

-- A change: {record, actor, expected status, expected attempt, expected time of change}. The stored record, if so.
local function expected(w, change, new)
    local old = stored(w, new[R.id])
    if old and old[R.status] == change[3] and old[R.attempt] == change[4] and old[R.changed_at] == change[5]
        and old[CANCEL_REQUESTED] == new[CANCEL_REQUESTED] then
        return old
    end
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
local function checked_finishes(w, finishes)
    local checked, ids, awaited = {}, {}, {}
    for n, finish in ipairs(finishes) do
        local new = cmsgpack.unpack(finish[1])
        checked[n] = { new = new }
        ids[n], awaited[n] = new[R.id], w.p .. 'to:' .. new[R.id]
    end
    read_records(w, ids)
    local any_awaited = call_with('EXISTS', nil, awaited) > 0
    for n, c in ipairs(checked) do
        c.old, c.edges = expected(w, finishes[n], c.new), any_awaited and edges_to(w.p, ids[n]) or not any_awaited and {}
        if not c.old or not c.edges then
            return nil
        end
    end
    return checked
end

local function write_finishes(w, finishes, checked, t)
    for n, finish in ipairs(finishes) do
        local c = checked[n]
        local id = c.new[R.id]
        if finish[6] then
            redis.call('HSET', w.p .. 'o:' .. id, finish[7], finish[6])
        end
        write_record(w, c.old, c.new, finish[1], finish[2])
        tell(t, c.new[REPLY_TO], id)
        for _, edge in ipairs(c.edges) do
            tell(t, edge[2], id)
        end
        release(w, id, c.edges)
    end
end

-- What a thread was answered last is kept for a while: key last.answer:<thread>, a hash of mark and answer (MessagePack).
-- Marks of a thread grow, and are of one length.
local function answered(p, args)
    local last = redis.call('HMGET', p .. 'last.answer:' .. args[2], 'mark', 'answer')
    if last[1] == args[3] then
        return last[2]
    elseif last[1] and args[3] < last[1] then
        -- On its way for so long that its thread gave it up, and has asked for something else.
        return redis.error_reply('STALE this step was given up')
    end
end

local function answer(p, args, value)
    local packed = cmsgpack.pack(value)
    redis.call('HSET', p .. 'last.answer:' .. args[2], 'mark', args[3], 'answer', packed)
    redis.call('EXPIRE', p .. 'last.answer:' .. args[2], 600)
    return packed
end

-- {finishes, changes, plan or false, own address, offered or false}.
functions.advance = function(p, args)
    local last = answered(p, args)
    if last then
        return last
    end
    local step = cmsgpack.unpack(args[1])
    local finishes, changes, plan = step[1], step[2], step[3]
    local w = begin_step(p)
    local offered = step[5]
    local records = offered and checked_offer(w, offered[1])
    local checked = checked_finishes(w, finishes)
    if not checked or (offered and not records) then
        return false
    end
    local begun, before, ids = {}, {}, {}
    for n, change in ipairs(changes) do
        begun[n] = cmsgpack.unpack(change[1])
        ids[n] = begun[n][R.id]
    end
    read_records(w, ids)
    for n, change in ipairs(changes) do
        before[n] = expected(w, change, begun[n])
        if not before[n] then
            return false
        end
    end
    local t = telling(step[4])
    write_finishes(w, finishes, checked, t)
    for n, change in ipairs(changes) do
        write_record(w, before[n], begun[n], change[1], change[2])
    end
    local more, scoped, claimed, left = false, false, {}, {}
    if plan then
        local c = claiming(plan)
        if offered then
            left = claim_offered(w, c, offered, records)
        else
            more, scoped = claim(w, c)
        end
        claimed = answer_of_claims(w, c)
    end
    finish_step(w)
    return answer(p, args, { claimed, more and 1 or 0, scoped and 1 or 0, t.here, send(p, t), left })
end
