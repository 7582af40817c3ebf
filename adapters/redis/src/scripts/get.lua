-- KEYS[2] is the entry, ARGV[2] the number below which the caller trusts nothing. Answers the entry or nothing, and the mark of a load
-- that begins now.
local value = redis.call('GET', KEYS[2])
if value then
  local from, began, places = string.match(value, '^1 (%d+) (%d+) ([%d,]+) ')
  began = tonumber(began)
  local alive = began and tonumber(from) == born and began >= floor
  if alive then
    local fields = {}
    for place in string.gmatch(places, '%d+') do fields[#fields + 1] = place end
    for _, last in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
      if last and tonumber(last) > began then alive = false end
    end
  end
  if not alive then
    redis.call('UNLINK', KEYS[2])
    value = false
  elseif began < tonumber(ARGV[2]) then
    value = false
  end
end
return { value, born, number }
