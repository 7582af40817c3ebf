-- A new number, larger than that of any load that began before.
number = math.max(number + 1, now)
redis.call('HSET', KEYS[1], 'number', digits(number), 'seen', digits(now))
return number
