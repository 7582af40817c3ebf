-- The fence, before every script of the cache. KEYS[1] is its hash, ARGV[1] the server life that the caller reached.
-- Lua counts in doubles, exact up to 2^53: microseconds since 1970 stay below that until the year 2255.
local GAP = 1000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function digits(n) return string.format('%.0f', n) end

local born, floor, number
local kept = redis.call('HMGET', KEYS[1], 'life', 'born', 'floor', 'number', 'seen')
if kept[1] ~= ARGV[1] then
  -- Another life, or none: what was stored under it is worth nothing.
  redis.call('UNLINK', KEYS[1])
  born, floor, number = now, now, now
  redis.call('HSET', KEYS[1], 'life', ARGV[1], 'born', digits(now), 'floor', digits(now), 'number', digits(now),
    'seen', digits(now))
else
  born, floor, number = tonumber(kept[2]), tonumber(kept[3]), tonumber(kept[4])
  if now - tonumber(kept[5]) > GAP then
    -- Nobody reached this server for a while, so somebody may have been unable to invalidate.
    number = math.max(number + 1, now)
    floor = number
    redis.call('HSET', KEYS[1], 'floor', digits(floor), 'number', digits(number), 'seen', digits(now))
  end
end
