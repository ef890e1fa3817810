-- Large values: the keys are explained in client_data_store.py.

-- These invocations use nothing any more.
functions.unlink_values = function(p, args)
    for _, id in ipairs(args) do
        for _, key in ipairs(redis.call('SMEMBERS', p .. 'uses:' .. id)) do
            redis.call('SREM', p .. 'users:' .. key, id)
        end
        redis.call('DEL', p .. 'uses:' .. id)
    end
end

-- Remove values that nobody uses and that were put before a time; how many they were.
functions.collect_values = function(p, args)
    local before, limit, collected, start = args[1], tonumber(args[2]), 0, 0
    while collected < limit do
        local old = redis.call('ZRANGE', p .. 'put', '-inf', '(' .. before, 'BYSCORE', 'LIMIT', start, 500)
        for _, key in ipairs(old) do
            if collected < limit and redis.call('EXISTS', p .. 'users:' .. key) == 0 then
                redis.call('UNLINK', p .. 'text:' .. key)
                redis.call('ZREM', p .. 'put', key)
                redis.call('HDEL', p .. 'bytes', key)
                collected = collected + 1
            else
                start = start + 1
            end
        end
        if #old < 500 then
            break
        end
    end
    return collected
end

-- Arguments, outcomes and cached results: the keys are explained in state_backend.py.

local function forget_cached(p, id)
    for _, field in ipairs(redis.call('SMEMBERS', p .. 'cached:' .. id)) do
        redis.call('HDEL', p .. 'cached', field)
    end
    redis.call('DEL', p .. 'cached:' .. id)
end

functions.drop_calls = function(p, args)
    for _, id in ipairs(args) do
        forget_cached(p, id)
        redis.call('DEL', p .. 'a:' .. id, p .. 'o:' .. id)
    end
end

functions.cache_result = function(p, args)
    local before = redis.call('HGET', p .. 'cached', args[1])
    if before then
        redis.call('SREM', p .. 'cached:' .. before, args[1])
    end
    redis.call('HSET', p .. 'cached', args[1], args[2])
    redis.call('SADD', p .. 'cached:' .. args[2], args[1])
end
