-- KEYS: reign, lock, claim, seen, lost
-- ARGV: token, timeline, server, number of instances, age of votes
local text = function(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return { 'the lock is gone' }
end
if redis.call('HGET', KEYS[1], 'timeline') ~= ARGV[2] then
  return { 'there is a later primary' }
end
local since = '(' .. text(now - tonumber(ARGV[5]))
local lost = redis.call('ZCOUNT', KEYS[5], since, text(now))
local of = math.max(redis.call('ZCOUNT', KEYS[4], since, text(now)), tonumber(ARGV[4]))
if lost * 2 <= of then
  return { 'there is no majority' }
end
local claim = redis.call('HMGET', KEYS[3], 'server', 'holder', 'tries')
if not claim[1] then
  redis.call('HSET', KEYS[3], 'server', ARGV[3], 'holder', ARGV[1], 'tries', '1')
elseif claim[1] ~= ARGV[3] then
  return { 'another server is claimed' }
elseif claim[2] ~= ARGV[1] then
  redis.call('HSET', KEYS[3], 'holder', ARGV[1], 'tries', text(tonumber(claim[3] or '1') + 1))
end
return { 'claimed' }
