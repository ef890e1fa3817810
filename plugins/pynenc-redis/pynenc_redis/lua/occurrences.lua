-- What happened, and what it led to. A map of the keys, behind the application's prefix (see records.lua):
--
--   trigger.definitions     hash    id -> task, text, time of registration (MessagePack)
--   trigger.version         string  changes whenever they do
--   trigger.marks           hash    <definition>/<leaf> -> newest time that is dealt with
--   trigger.turn            string  how many evaluations were completed
--   occurrence:<key>        string  source, time, data, invocation, attempt, status (MessagePack)
--   occurrences             zset    keys by position
--   occurrences.of:<source> zset    the same of one source
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

-- Occurrences: a list of {key, source, said}.
functions.record = function(p, args)
    for _, each in ipairs(cmsgpack.unpack(args[1])) do
        local key, source = each[1], each[2]
        if redis.call('SET', p .. 'occurrence:' .. key, each[3], 'NX') then
            local position = redis.call('INCR', p .. 'positions')
            redis.call('ZADD', p .. 'occurrences', position, key)
            redis.call('ZADD', p .. 'occurrences.of:' .. source, position, key)
            redis.call('ZADD', p .. 'occurrences.pending', position, key)
        end
    end
end

local function drop_occurrence(p, key)
    local said = redis.call('GET', p .. 'occurrence:' .. key)
    if said then
        redis.call('ZREM', p .. 'occurrences.of:' .. cmsgpack.unpack(said)[1], key)
        redis.call('DEL', p .. 'occurrence:' .. key)
    end
    redis.call('ZREM', p .. 'occurrences', key)
    redis.call('ZREM', p .. 'occurrences.pending', key)
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

-- What an evaluation came to: {handled, consumed, waiting, firings}. Whether it is its turn was found out before.
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
            elseif redis.call('ZSCORE', p .. 'occurrences.pending', key) then
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
