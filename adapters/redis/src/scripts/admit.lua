-- One attempt by GCRA, decided as `Gcra::decide` does. KEYS[1] keeps the theoretical arrival; ARGV: the time of one attempt and of the whole burst.
-- All in microseconds since 1970, which a double holds exactly up to 2^53, the year 2255.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cell, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = tonumber(redis.call('GET', KEYS[1]) or '-1')
local start = math.max(kept, now)
if start - now + cell > burst then return { 0, kept, now } end
local arrival = start + cell
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return { 1, kept, now }
