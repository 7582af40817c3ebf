-- KEYS[2] is the entry; ARGV: 2 and 3 the mark (life and number), 4 the places with commas between, 5 milliseconds to keep it, 6 what to keep.
local mark = tonumber(ARGV[3])
if tonumber(ARGV[2]) ~= born or mark < floor then return 0 end
local fields = {}
for place in string.gmatch(ARGV[4], '%d+') do fields[#fields + 1] = place end
for _, last in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
  if last and tonumber(last) > mark then return 0 end
end
redis.call('SET', KEYS[2], ARGV[6], 'PX', ARGV[5])
return 1
