-- KEYS[2] and on are entries, ARGV[2] the places with commas between, ARGV[3] the channel.
for at = 2, #KEYS do redis.call('UNLINK', KEYS[at]) end
number = math.max(number + 1, now)
local text = digits(number)
local written = redis.pcall('HSET', KEYS[1], 'number', text)
for place in string.gmatch(ARGV[2], '%d+') do
  if type(written) == 'table' and written.err then break end
  written = redis.pcall('HSET', KEYS[1], place, text)
end
-- Where memory is used up nothing can be written, but the fence can be taken away, which ends everything.
if type(written) == 'table' and written.err then redis.call('UNLINK', KEYS[1]) end
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
