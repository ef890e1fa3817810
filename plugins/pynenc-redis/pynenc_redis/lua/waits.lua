-- The plain cases of waiting: pausing until others have ended, and going on. Their keys:
--
--   to:<awaited>, from:<waiter>, awaited   edges between those who wait; explained in wait_graph.py

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

-- {finishes, waiter (a change), awaited ids, whether all, address, whether to look for circles, priority or false, plan or
-- false, own address, offered or false (without entries), calls that nobody was told of}. The answer: {paused, records of
-- the awaited, claimed, ids for this process, how many were told}.
functions.wait = function(p, args)
    local last = answered(p, args)
    if last then
        return last
    end
    local step = cmsgpack.unpack(args[1])
    local finishes, request, ids, all, address, priority, plan = step[1], step[2], step[3], step[4], step[5], step[7], step[8]
    local w = begin_step(p)
    local checked = checked_finishes(w, finishes)
    read_records(w, { request[ID], unpack(ids, 1, math.min(#ids, 1000)) })
    local waiter, paused = sides_of(w, request)
    if not checked or not waiter then
        return false
    end
    local ending = {}
    for _, c in ipairs(checked) do
        ending[c.new[R.id]] = true
    end
    local awaited, blobs, finals = {}, {}, 0
    for n, id in ipairs(ids) do
        local record, blob = stored(w, id)
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
    write_finishes(w, finishes, checked, t)
    local claimed = {}
    if not ready then
        write_change(w, request, waiter, paused)
        for _, each in ipairs(awaited) do
            if not FINAL[each[R.status]] then
                gather(w.put, p .. 'to:' .. each[R.id], waiter[R.id] .. '\0' .. address)
                gather(w.put, p .. 'from:' .. waiter[R.id], each[R.id] .. '\0' .. address)
                gather(w.put, p .. 'awaited', each[R.id])
            end
        end
        local c = plan and claiming(plan)
        local taken = {}
        if c and priority then
            for _, each in ipairs(awaited) do
                if #c.claimed < c.limit and is_free(c, each) and serves(c.places, each) then
                    unqueue(p, each[R.id])
                    taken[each[R.id]] = true
                    take(w, c, each, each[R.priority])
                end
            end
        end
        if c then
            if step[10] then
                claim_offered(w, c, step[10], {})
            else
                claim(w, c)
            end
            claimed = answer_of_claims(w, c)
            for _, each in ipairs(c.claimed) do
                taken[each[1]] = true
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
    finish_step(w)
    if not ready and step[11] > #claimed then
        -- The waiter made calls, and this process does not take all of them at once.
        wake(p, step[11] - #claimed, false)
    end
    return answer(p, args, { ready and 0 or 1, blobs, claimed, t.here, send(p, t) })
end

-- A waiter (a change) goes on, and waits for nobody any more.
functions.resume = function(p, args)
    local change, w = cmsgpack.unpack(args[1]), begin_step(p)
    local id = change[ID]
    read_records(w, { id })
    local old, new = sides_of(w, change)
    if not old then
        -- It may have been done, and the answer lost.
        local present, wanted = stored(w, id), unpacked(change[1])
        local done = present and present[R.status] == wanted[R.status] and present[R.attempt] == wanted[R.attempt]
            and present[R.owner] == wanted[R.owner] and present[R.changed_at] == wanted[R.changed_at]
        return done and 1 or false
    end
    write_change(w, change, old, new)
    finish_step(w)
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
