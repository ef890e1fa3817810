-- The board of runners: its keys are explained in runner_board.py, own:* and owners in records.lua.

-- Renew leases; the ids that are unknown.
functions.beat = function(p, args)
    local unknown = {}
    for n = 2, #args do
        if redis.call('HEXISTS', p .. 'runners', args[n]) == 1 then
            redis.call('HSET', p .. 'beats', args[n], args[1])
        else
            unknown[#unknown + 1] = args[n]
        end
    end
    return unknown
end

-- Take owners that own nothing off the list.
functions.forget_owners = function(p, args)
    for _, owner in ipairs(args) do
        if redis.call('EXISTS', p .. 'own:' .. owner) == 0 then
            redis.call('SREM', p .. 'owners', owner)
        end
    end
end

-- Take or renew the right to a duty: {duty, holder, now, what is stored: holder and until}.
functions.hold_duty = function(p, args)
    local present = redis.call('HGET', p .. 'duties', args[1])
    if present then
        local held = cmsgpack.unpack(present)
        if held[1] ~= args[2] and held[2] > tonumber(args[3]) then
            return 0
        end
    end
    redis.call('HSET', p .. 'duties', args[1], args[4])
    return 1
end

-- Owners that are unknown, have stopped or were not heard of since a time, as {owner, whether it is known}.
functions.silent_owners = function(p, args)
    local silent, since = {}, tonumber(args[1])
    for _, owner in ipairs(redis.call('SMEMBERS', p .. 'owners')) do
        local beat = redis.call('HGET', p .. 'beats', owner)
        local known = beat and redis.call('HEXISTS', p .. 'runners', owner) == 1
        if not known or tonumber(beat) < since or redis.call('HEXISTS', p .. 'stopped', owner) == 1 then
            silent[#silent + 1] = { owner, known and 1 or 0 }
        end
    end
    return silent
end
