-- What happened, and what it led to. A map of the keys, behind the application's prefix (see records.lua):
--
--   trigger.definitions     hash    id -> task, text, time of registration (MessagePack)
--   trigger.version         string  changes whenever they do
--   trigger.marks           hash    <definition>/<leaf> -> newest time that is dealt with
--   trigger.turn            string  how many evaluations were completed
--   occurrence:<key>        string  source, time, data, invocation, attempt, status (MessagePack)
--   occurrences             zset    keys by position
--   occurrences.of:<source> zset    the same of one source
--   occurrences.at:<source> zset    the same by time
--   occurrences.pending     zset    those that no evaluation has dealt with
--   positions               string  the newest position that ever was
--   token:<key>             string  definition, place, text, time (MessagePack)
--   tokens:<definition>     zset    its tokens, in the order of their coming
--   tokens                  zset    all, by time
--   tokens.number           string  how many ever came
--   firing:<id>             hash    said: everything (MessagePack); invocation: once it is settled
--   firings                 zset    ids, in the order of their coming
--   firings.of:<definition> zset    the same of one definition
--   firings.unsettled       zset    those whose call was not submitted yet, as far as is known
--   firings.number          string  how many ever came
--   waiter:<invocation>     string  wait, source, filter, position, unchecked, woken for (MessagePack)
--   waiters.for:<source>    set     who waits for a source and is not woken
--   waiters.unchecked       set     those among them for whom the log had more already
--   waiters.woken           zset 0  who is woken
--   waiters.awaited         hash    key of an occurrence -> how many are woken for it

-- Occurrences: a list of {key, source, said}.
functions.record = function(p, args)
    for _, each in ipairs(cmsgpack.unpack(args[1])) do
        local key, source = each[1], each[2]
        if redis.call('SET', p .. 'occurrence:' .. key, each[3], 'NX') then
            local position = redis.call('INCR', p .. 'positions')
            redis.call('ZADD', p .. 'occurrences', position, key)
            redis.call('ZADD', p .. 'occurrences.of:' .. source, position, key)
            redis.call('ZADD', p .. 'occurrences.at:' .. source, string.format('%.17g', cmsgpack.unpack(each[3])[2]), key)
            redis.call('ZADD', p .. 'occurrences.pending', position, key)
        end
    end
end

local function drop_occurrence(p, key)
    local said = redis.call('GET', p .. 'occurrence:' .. key)
    if said then
        local source = cmsgpack.unpack(said)[1]
        redis.call('ZREM', p .. 'occurrences.of:' .. source, key)
        redis.call('ZREM', p .. 'occurrences.at:' .. source, key)
        redis.call('DEL', p .. 'occurrence:' .. key)
    end
    redis.call('ZREM', p .. 'occurrences', key)
    redis.call('ZREM', p .. 'occurrences.pending', key)
end

-- The position before the first of a source at or after a time; the newest of all if there is none.
functions.before = function(p, args)
    local found = nil
    for _, key in ipairs(redis.call('ZRANGE', p .. 'occurrences.at:' .. args[1], args[2], '+inf', 'BYSCORE')) do
        local position = tonumber(redis.call('ZSCORE', p .. 'occurrences', key))
        found = found and math.min(found, position) or position
    end
    return found and found - 1 or tonumber(redis.call('GET', p .. 'positions') or 0)
end

local function drop_waiter(p, id)
    local said = redis.call('GET', p .. 'waiter:' .. id)
    if said then
        local waiter = cmsgpack.unpack(said)
        redis.call('SREM', p .. 'waiters.for:' .. waiter[2], id)
        redis.call('SREM', p .. 'waiters.unchecked', id)
        redis.call('ZREM', p .. 'waiters.woken', id)
        if waiter[6] and redis.call('HINCRBY', p .. 'waiters.awaited', waiter[6], -1) <= 0 then
            redis.call('HDEL', p .. 'waiters.awaited', waiter[6])
        end
        redis.call('DEL', p .. 'waiter:' .. id)
    end
end

-- A waiter in the place of the one that its invocation had.
local function put_waiter(p, id, waiter)
    drop_waiter(p, id)
    redis.call('SET', p .. 'waiter:' .. id, cmsgpack.pack(waiter))
    if waiter[6] then
        redis.call('ZADD', p .. 'waiters.woken', 0, id)
        redis.call('HINCRBY', p .. 'waiters.awaited', waiter[6], 1)
        return
    end
    redis.call('SADD', p .. 'waiters.for:' .. waiter[2], id)
    if waiter[5] then
        redis.call('SADD', p .. 'waiters.unchecked', id)
    end
end

-- Waiters: a list of {invocation, wait, source, filter, position, unchecked, woken for}.
functions.add_waiters = function(p, args)
    for _, each in ipairs(cmsgpack.unpack(args[1])) do
        put_waiter(p, each[1], { each[2], each[3], each[4], each[5], each[6], each[7] })
    end
end

functions.drop_waiters = function(p, args)
    for _, id in ipairs(args) do
        drop_waiter(p, id)
    end
end

functions.withdraw = function(p, args)
    for _, key in ipairs(args) do
        drop_occurrence(p, key)
    end
end

local function drop_token(p, key)
    local said = redis.call('GET', p .. 'token:' .. key)
    if said then
        redis.call('ZREM', p .. 'tokens:' .. cmsgpack.unpack(said)[1], key)
        redis.call('DEL', p .. 'token:' .. key)
    end
    redis.call('ZREM', p .. 'tokens', key)
end

functions.drop_tokens_of = function(p, args)
    for _, definition in ipairs(args) do
        for _, key in ipairs(redis.call('ZRANGE', p .. 'tokens:' .. definition, 0, -1)) do
            drop_token(p, key)
        end
    end
end

-- The tokens of some definitions, oldest first, as {key, said}.
functions.tokens_of = function(p, args)
    local found = {}
    for _, definition in ipairs(args) do
        local keys = redis.call('ZRANGE', p .. 'tokens:' .. definition, 0, -1, 'WITHSCORES')
        for n = 1, #keys, 2 do
            found[#found + 1] = { keys[n], redis.call('GET', p .. 'token:' .. keys[n]), tonumber(keys[n + 1]) }
        end
    end
    table.sort(found, function(a, b) return a[3] < b[3] end)
    for _, each in ipairs(found) do
        each[3] = nil
    end
    return found
end

-- What an evaluation came to: {handled, consumed, waiting, firings, looked}. Whether it is its turn was found out before.
functions.complete = function(p, args)
    local evaluation = cmsgpack.unpack(args[1])
    for _, key in ipairs(evaluation[1]) do
        redis.call('ZREM', p .. 'occurrences.pending', key)
    end
    for _, key in ipairs(evaluation[2]) do
        drop_token(p, key)
    end
    for _, token in ipairs(evaluation[3]) do
        redis.call('SET', p .. 'token:' .. token[1], token[3])
        redis.call('ZADD', p .. 'tokens:' .. token[2], redis.call('INCR', p .. 'tokens.number'), token[1])
        redis.call('ZADD', p .. 'tokens', string.format('%.17g', cmsgpack.unpack(token[3])[4]), token[1])
    end
    for _, firing in ipairs(evaluation[4]) do
        local id, definition = firing[1], firing[2]
        if redis.call('HSETNX', p .. 'firing:' .. id, 'said', firing[4]) == 1 then
            local number = redis.call('INCR', p .. 'firings.number')
            redis.call('ZADD', p .. 'firings', number, id)
            redis.call('ZADD', p .. 'firings.of:' .. definition, number, id)
            if firing[3] then
                redis.call('ZADD', p .. 'firings.unsettled', number, id)
            end
        end
    end
    -- Looked: {invocation, wait, position, key or false}.
    for _, looked in ipairs(evaluation[5]) do
        local said = redis.call('GET', p .. 'waiter:' .. looked[1])
        local waiter = said and cmsgpack.unpack(said)
        if waiter and not waiter[6] and waiter[1] == looked[2] and waiter[4] == looked[3] then
            waiter[5], waiter[6] = false, looked[4]
            put_waiter(p, looked[1], waiter)
        end
    end
end

-- Firings and the invocations that they led to, in turn.
functions.settle = function(p, args)
    for n = 1, #args, 2 do
        if redis.call('EXISTS', p .. 'firing:' .. args[n]) == 1 then
            redis.call('HSET', p .. 'firing:' .. args[n], 'invocation', args[n + 1])
        end
        redis.call('ZREM', p .. 'firings.unsettled', args[n])
    end
end

-- Drop what is from before a time and dealt with; a portion of each kind. How many of the kind with most.
functions.forget = function(p, args)
    local before, limit = tonumber(args[1]), tonumber(args[2])
    local counts = { 0, 0, 0 }
    local start = 0
    while counts[1] < limit do
        local keys = redis.call('ZRANGE', p .. 'occurrences', start, start + limit - 1)
        local young = false
        for _, key in ipairs(keys) do
            local said = redis.call('GET', p .. 'occurrence:' .. key)
            if said and cmsgpack.unpack(said)[2] >= before then
                young = true
                break
            elseif redis.call('ZSCORE', p .. 'occurrences.pending', key)
                or redis.call('HEXISTS', p .. 'waiters.awaited', key) == 1 then
                start = start + 1
            else
                drop_occurrence(p, key)
                counts[1] = counts[1] + 1
            end
        end
        if young or #keys < limit then
            break
        end
    end
    for _, key in ipairs(redis.call('ZRANGE', p .. 'tokens', '-inf', '(' .. args[1], 'BYSCORE', 'LIMIT', 0, limit)) do
        drop_token(p, key)
        counts[2] = counts[2] + 1
    end
    if counts[2] > 0 then
        -- Who has read what waits may have read what is gone.
        redis.call('INCR', p .. 'trigger.turn')
    end
    start = 0
    while counts[3] < limit do
        local ids = redis.call('ZRANGE', p .. 'firings', start, start + limit - 1)
        local young = false
        for _, id in ipairs(ids) do
            local said = cmsgpack.unpack(redis.call('HGET', p .. 'firing:' .. id, 'said'))
            if said[3] >= before then
                young = true
                break
            elseif redis.call('ZSCORE', p .. 'firings.unsettled', id) then
                start = start + 1
            else
                redis.call('ZREM', p .. 'firings', id)
                redis.call('ZREM', p .. 'firings.of:' .. said[1], id)
                redis.call('DEL', p .. 'firing:' .. id)
                counts[3] = counts[3] + 1
            end
        end
        if young or #ids < limit then
            break
        end
    end
    return math.max(counts[1], counts[2], counts[3])
end
