-- Claiming: from the queues here, or from what the queue of another product has given (an offer). The keys are those of
-- records.lua, queue.lua and waits.lua.

local RECOVERIES = 22
local TICK_SECONDS = 1e-6

local function is_short(record, short)
    return short[record[R.task]] and record[RECOVERIES] == 0
end

-- What a runner may claim: {owner, places, limit, how many to start, short tasks or false, now}.
local function claiming(plan)
    local c = { owner = plan[1], places = plan[2], limit = plan[3], start = plan[4], now = plan[6], claimed = {}, taken = {} }
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

local function take(w, c, old, priority)
    local id, new = old[R.id], { unpack(old) }
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
    if starts then
        add_history(w, new, c.owner)
        new[R.status] = 'running'
        new[R.changed_at] = math.max(c.now, new[R.changed_at] + TICK_SECONDS)
    end
    local blob = cmsgpack.pack(new)
    write_record(w, old, new, blob, c.owner)
    c.taken[id] = true
    c.claimed[#c.claimed + 1] = { id, blob, priority }
end

-- What was claimed, as {record, arguments, priority}.
local function answer_of_claims(w, c)
    local keys, claims = {}, {}
    for n, claimed in ipairs(c.claimed) do
        keys[n] = w.p .. 'a:' .. claimed[1]
    end
    for start = 1, #keys, PORTION do
        local stop = math.min(#keys, start + PORTION - 1)
        for n, arguments in ipairs(redis.call('MGET', unpack(keys, start, stop))) do
            local claimed = c.claimed[start + n - 1]
            claims[start + n - 1] = { claimed[2], arguments or '', claimed[3] }
        end
    end
    return claims
end

-- Claim from queues; whether they hold more, and whether something with a scope is next.
local function claim(w, c)
    local room = c.limit - #c.claimed
    if room <= 0 then
        return false, false
    end
    local entries = first(w.p, meant(w.p, c.places), room)
    local ids, taken, scoped = {}, {}, false
    for n, entry in ipairs(entries) do
        ids[n] = entry[1]
    end
    read_records(w, ids)
    for n, entry in ipairs(entries) do
        local old = stored(w, entry[1])
        if old and old[R.running_key] and AVAILABLE[old[R.status]] then
            scoped = true
            break
        end
        taken[n] = entry
        if is_free(c, old) then
            local priority = parts_of(entry[3])
            take(w, c, old, priority)
        end
    end
    unqueue_all(w.p, taken)
    return #entries >= room, scoped
end

local function serves(places, record)
    for _, place in ipairs(places) do
        if place == record[R.queue] .. '\0' .. record[R.lane] or place == '*\0' .. record[R.lane] then
            return true
        end
    end
    return #places == 0
end

-- Awaited invocations looked at in one claim: a fan-out has any number of them.
local AWAITED_LIMIT = 100

-- What somebody waits for and may be claimed; the most urgent first, if there are more than are wanted.
local function awaited_free(w, c, wanted)
    local found, urgency = {}, {}
    local ids = redis.call('SRANDMEMBER', w.p .. 'awaited', AWAITED_LIMIT)
    read_records(w, ids)
    for _, id in ipairs(ids) do
        local record = stored(w, id)
        if is_free(c, record) and serves(c.places, record) then
            found[#found + 1] = record
        end
    end
    if #found > wanted then
        for _, record in ipairs(found) do
            local highest, waiters = record[R.priority], 0
            for _, member in ipairs(redis.call('SMEMBERS', w.p .. 'to:' .. record[R.id])) do
                local waiter = stored(w, (string.match(member, '^(.*)%z')))
                if waiter then
                    highest, waiters = math.max(highest, waiter[R.priority]), waiters + 1
                end
            end
            urgency[record[R.id]] = { highest, waiters, record[R.id] }
        end
        table.sort(found, function(a, b)
            local x, y = urgency[a[R.id]], urgency[b[R.id]]
            if x[1] ~= y[1] then
                return x[1] > y[1]
            elseif x[2] ~= y[2] then
                return x[2] > y[2]
            end
            return x[3] < y[3]
        end)
    end
    return found
end

-- The records of what is offered: a list of {id, priority}; nil if one of them has a scope to ask for.
local function checked_offer(w, entries)
    local records, ids = {}, {}
    for n, entry in ipairs(entries) do
        ids[n] = entry[1]
    end
    read_records(w, ids)
    for n, entry in ipairs(entries) do
        local record = stored(w, entry[1])
        if record and record[R.running_key] and AVAILABLE[record[R.status]] then
            return nil
        end
        records[n] = record or false
    end
    return records
end

-- Claim from what is offered, {entries, whether what is awaited goes first}; the ids that were not looked at.
local function claim_offered(w, c, offered, records)
    local left = {}
    if offered[2] and #c.claimed < c.limit then
        for _, record in ipairs(awaited_free(w, c, c.limit - #c.claimed)) do
            if #c.claimed < c.limit and not c.taken[record[R.id]] then
                take(w, c, record, record[R.priority])
            end
        end
    end
    for n, entry in ipairs(offered[1]) do
        local free = is_free(c, records[n]) and not c.taken[entry[1]]
        if free and #c.claimed < c.limit then
            take(w, c, records[n], entry[2])
        elseif free then
            left[#left + 1] = entry[1]
        end
    end
    return left
end
