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
