-- Somebody is there and can be told.
redis.call('HSET', KEYS[1], 'seen', digits(now))
return 1
