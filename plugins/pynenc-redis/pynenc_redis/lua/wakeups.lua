-- Who is to be told: the keys are explained in wakeups.py.

-- Tell up to `count` processes that there is work; how many were told. Dead ones receive nothing, and are unmarked.
local function wake(p, count, coroutines)
    -- As a rule all are busy, and will look when they are done.
    if redis.call('EXISTS', p .. 'ready', p .. 'picky', p .. 'standby', p .. 'coroutines') == 0 then
        return 0
    end
    for _, address in ipairs(redis.call('SMEMBERS', p .. 'picky')) do
        redis.call('SREM', p .. 'picky', address)
        redis.call('PUBLISH', p .. 'inbox:' .. address, '+')
    end
    local told = 0
    for _, kind in ipairs(coroutines and { 'ready', 'coroutines', 'standby' } or { 'ready', 'standby' }) do
        while told < count do
            local address = redis.call('SPOP', p .. kind)
            if not address then
                break
            end
            if redis.call('PUBLISH', p .. 'inbox:' .. address, '+') > 0 then
                told = told + 1
            end
        end
        if told > 0 then
            break
        end
    end
    return told
end

-- Tell workers of calls that were just submitted; 2 if somebody follows work (wakeups.py), else 1.
local function announce(p, count, coroutines)
    -- As a rule all are busy, and nobody does.
    if redis.call('EXISTS', p .. 'ready', p .. 'picky', p .. 'standby', p .. 'coroutines', p .. 'followed') == 0 then
        return 1
    end
    if count > 0 then
        wake(p, count, coroutines)
    end
    return redis.call('EXISTS', p .. 'followed') == 1 and 2 or 1
end

functions.wake = function(p, args)
    return wake(p, tonumber(args[1]), args[2] == '1')
end

-- Messages: a list of {address, text}; how many were told.
local function notify(p, messages)
    local told = 0
    for _, each in ipairs(messages) do
        if redis.call('SISMEMBER', p .. 'waiting', each[1]) == 1 then
            if redis.call('PUBLISH', p .. 'inbox:' .. each[1], each[2]) > 0 then
                told = told + 1
            else
                redis.call('SREM', p .. 'waiting', each[1])
            end
        end
    end
    return told
end

functions.notify = function(p, args)
    return notify(p, cmsgpack.unpack(args[1]))
end
