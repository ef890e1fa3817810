-- The queue. A map of its keys, behind the application's prefix (see records.lua):
--
--   places        hash    <queue> NUL <lane> -> "1": where something was queued once
--   q:<place>     zset    entries; the score is priority, dependents and age, the first first
--   queued        hash    id -> place
--
-- The age of an entry is a number of `sequence` (see records.lua), which only grows. A score holds 53 bits: 8 of priority (100 - priority), 9 of dependents (511 - dependents), 36 of age.

local AGES = 68719476736
local CROWDS = 512

local function score_of(priority, dependents, age)
    return ((100 - priority) * CROWDS + (CROWDS - 1 - math.min(dependents, CROWDS - 1))) * AGES + age
end

local function parts_of(score)
    local upper = math.floor(score / AGES)
    return 100 - math.floor(upper / CROWDS), CROWDS - 1 - upper % CROWDS, score % AGES
end

local function push(p, id, place, priority, dependents)
    local known = redis.call('HGET', p .. 'queued', id)
    if known then
        -- It keeps its place, or moves up.
        local score = redis.call('ZSCORE', p .. 'q:' .. known, id)
        if score then
            local present, crowd, age = parts_of(tonumber(score))
            if priority > present then
                redis.call('ZADD', p .. 'q:' .. known, score_of(priority, crowd, age), id)
            end
            return
        end
    end
    local age = redis.call('INCR', p .. 'sequence') % AGES
    redis.call('ZADD', p .. 'q:' .. place, score_of(priority, dependents, age), id)
    redis.call('HSET', p .. 'queued', id, place)
    redis.call('HSETNX', p .. 'places', place, '1')
end

-- Push calls that have just been registered, and so are in no queue; a call's third field is its place, or false.
local function push_new(p, calls, records, sequence)
    local queued, by_place = {}, {}
    for n, call in ipairs(calls) do
        local id, place = records[n][R.id], call[3]
        if place then
            local score, last = score_of(records[n][R.priority], 0, (sequence + n) % AGES), #queued
            queued[last + 1], queued[last + 2] = id, place
            local scores = by_place[place]
            if scores then
                last = #scores
                scores[last + 1], scores[last + 2] = score, id
            else
                by_place[place] = { score, id }
            end
        end
    end
    for place, scores in pairs(by_place) do
        call_with('ZADD', p .. 'q:' .. place, scores)
        redis.call('HSETNX', p .. 'places', place, '1')
    end
    call_with('HSET', p .. 'queued', queued)
end

local function unqueue(p, id)
    local place = redis.call('HGET', p .. 'queued', id)
    if place then
        redis.call('ZREM', p .. 'q:' .. place, id)
        redis.call('HDEL', p .. 'queued', id)
    end
end

-- Take entries of `first` out of their queues.
local function unqueue_all(p, entries)
    local ids, by_place = {}, {}
    for n, entry in ipairs(entries) do
        ids[n] = entry[1]
        by_place[entry[2]] = by_place[entry[2]] or {}
        table.insert(by_place[entry[2]], entry[1])
    end
    for place, members in pairs(by_place) do
        call_with('ZREM', p .. 'q:' .. place, members)
    end
    call_with('HDEL', p .. 'queued', ids)
end

-- The places that are meant: named, every queue of a lane ('*'), or all.
local function meant(p, named)
    if #named > 0 then
        local any = false
        for _, place in ipairs(named) do
            any = any or string.sub(place, 1, 2) == '*\0'
        end
        if not any then
            return named
        end
    end
    local found = {}
    for _, place in ipairs(redis.call('HKEYS', p .. 'places')) do
        local wanted = #named == 0
        local lane = string.match(place, '%z(.*)$')
        for _, each in ipairs(named) do
            wanted = wanted or each == place or each == '*\0' .. lane
        end
        if wanted then
            found[#found + 1] = place
        end
    end
    return found
end

-- The first entries of some places, as {id, place, score}, the first first.
local function first(p, places, limit)
    local found = {}
    for _, place in ipairs(places) do
        local entries = redis.call('ZRANGE', p .. 'q:' .. place, 0, limit - 1, 'WITHSCORES')
        for n = 1, #entries, 2 do
            found[#found + 1] = { entries[n], place, tonumber(entries[n + 1]) }
        end
    end
    if #places > 1 then
        table.sort(found, function(a, b) return a[3] < b[3] end)
    end
    local cut = {}
    for n = 1, math.min(limit, #found) do
        cut[n] = found[n]
    end
    return cut
end

local function described(entries)
    local found = {}
    for n, entry in ipairs(entries) do
        local priority, dependents = parts_of(entry[3])
        found[n] = { entry[1], entry[2], priority, dependents }
    end
    return cmsgpack.pack(found)
end

-- Entries: a list of {id, place, priority, dependents}.
functions.push = function(p, args)
    for _, e in ipairs(cmsgpack.unpack(args[1])) do
        push(p, e[1], e[2], e[3], e[4])
    end
end

functions.pop = function(p, args)
    local limit = tonumber(args[1])
    local entries = first(p, meant(p, cmsgpack.unpack(args[2])), limit)
    unqueue_all(p, entries)
    return described(entries)
end

functions.peek = function(p, args)
    local places = {}
    for _, place in ipairs(redis.call('HKEYS', p .. 'places')) do
        if string.match(place, '^(.*)%z') == args[2] then
            places[#places + 1] = place
        end
    end
    return described(first(p, places, tonumber(args[1])))
end

local function promote(p, id, priority, more)
    local place = redis.call('HGET', p .. 'queued', id)
    local score = place and redis.call('ZSCORE', p .. 'q:' .. place, id)
    if score then
        local present, dependents, age = parts_of(tonumber(score))
        local raised = score_of(math.max(present, priority), dependents + more, age)
        redis.call('ZADD', p .. 'q:' .. place, raised, id)
    end
end

-- Raise the priority of entries and add to their dependents.
functions.promote = function(p, args)
    for _, e in ipairs(cmsgpack.unpack(args[1])) do
        promote(p, e[1], e[3], e[4])
    end
end

functions.unqueue = function(p, args)
    for _, id in ipairs(args) do
        unqueue(p, id)
    end
end

functions.sizes = function(p)
    local found = {}
    for _, place in ipairs(redis.call('HKEYS', p .. 'places')) do
        local size = redis.call('ZCARD', p .. 'q:' .. place)
        if size > 0 then
            found[#found + 1] = { place, size }
        end
    end
    return cmsgpack.pack(found)
end

-- Empty the places of one queue, or all.
functions.empty = function(p, args)
    for _, place in ipairs(redis.call('HKEYS', p .. 'places')) do
        if args[1] == nil or string.match(place, '^(.*)%z') == args[1] then
            for _, id in ipairs(redis.call('ZRANGE', p .. 'q:' .. place, 0, -1)) do
                redis.call('HDEL', p .. 'queued', id)
            end
            redis.call('DEL', p .. 'q:' .. place)
            redis.call('HDEL', p .. 'places', place)
        end
    end
end
