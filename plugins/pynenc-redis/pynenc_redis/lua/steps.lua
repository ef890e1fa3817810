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

-- A change: {record, actor, id, expected status, attempt and time of change, facts or false}. The facts are sent by the
-- process that left the record as it expects it: {its text, task, arguments, queue, reply to, registration scope, status and
-- owner before, status, owner, attempt and time after}, all that counts in a record that has an owner and no running scope.
local ID, FACTS = 3, 7

-- The record before a change, which has been read, and after it; nil if it is not what is expected.
local function sides_of(w, change)
    local id, f = change[ID], change[FACTS]
    if f and w.blobs[id] == f[1] then
        -- No text has to be unpacked.
        return {
            [R.id] = id, [R.task] = f[2], [R.args] = f[3], [R.queue] = f[4],
            [R.registration_key] = f[6], [R.status] = f[7], [R.owner] = f[8],
        }, {
            [R.id] = id, [R.task] = f[2], [R.args] = f[3], [R.queue] = f[4], [REPLY_TO] = f[5],
            [R.registration_key] = f[6], [R.status] = f[9], [R.owner] = f[10], [R.attempt] = f[11], [R.changed_at] = f[12],
        }
    end
    local old, new = stored(w, id), unpacked(change[1])
    if old and old[R.status] == change[4] and old[R.attempt] == change[5] and old[R.changed_at] == change[6]
        and old[CANCEL_REQUESTED] == new[CANCEL_REQUESTED] then
        return old, new
    end
end

-- Write a change whose sides were checked.
local function write_change(w, change, old, new)
    write_record(w, old, new, change[1], change[2])
    -- It may have been made of facts: whoever needs it as a whole unpacks it.
    w.records[change[ID]] = nil
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

-- Finishes as they will be written, or nil if one of them is not plain. A finish: a change, its outcome (or false), its attempt.
local function checked_finishes(w, finishes)
    local checked, ids, awaited = {}, {}, {}
    for n, finish in ipairs(finishes) do
        ids[n], awaited[n] = finish[ID], w.p .. 'to:' .. finish[ID]
    end
    read_records(w, ids)
    local any_awaited = call_with('EXISTS', nil, awaited) > 0
    for n, finish in ipairs(finishes) do
        local old, new = sides_of(w, finish)
        local edges = any_awaited and edges_to(w.p, ids[n]) or not any_awaited and {}
        if not old or not edges then
            return nil
        end
        checked[n] = { old = old, new = new, edges = edges }
    end
    return checked
end

local function write_finishes(w, finishes, checked, t)
    for n, finish in ipairs(finishes) do
        local c = checked[n]
        local id = c.new[R.id]
        if finish[8] then
            redis.call('HSET', w.p .. 'o:' .. id, finish[9], finish[8])
        end
        write_change(w, finish, c.old, c.new)
        tell(t, c.new[REPLY_TO], id)
        for _, edge in ipairs(c.edges) do
            tell(t, edge[2], id)
        end
        release(w, id, c.edges)
    end
end

-- What a thread was answered last is kept for a while: key last.answer:<thread>, the mark and behind it the answer
-- (MessagePack). Marks of a thread grow, and are of one length.
local function answered(p, args)
    local key, length = p .. 'last.answer:' .. args[2], #args[3]
    local mark = redis.call('GETRANGE', key, 0, length - 1)
    if mark == args[3] then
        return redis.call('GETRANGE', key, length, -1)
    elseif mark ~= '' and args[3] < mark then
        -- On its way for so long that its thread gave it up, and has asked for something else.
        return redis.error_reply('STALE this step was given up')
    end
end

local function answer(p, args, value)
    local packed = cmsgpack.pack(value)
    redis.call('SET', p .. 'last.answer:' .. args[2], args[3] .. packed, 'EX', 600)
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
        ids[n] = change[ID]
    end
    read_records(w, ids)
    for n, change in ipairs(changes) do
        before[n], begun[n] = sides_of(w, change)
        if not before[n] then
            return false
        end
    end
    local t = telling(step[4])
    write_finishes(w, finishes, checked, t)
    for n, change in ipairs(changes) do
        write_change(w, change, before[n], begun[n])
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
