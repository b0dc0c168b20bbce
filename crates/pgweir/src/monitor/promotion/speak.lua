-- KEYS: reign, lock, claim, seen, lost
-- ARGV: name, token, timeline, votes, keeps the lock, primary, position, age of votes, life of the lock,
--       since when it was kept, and the claim then: server, holder, tries
local text = function(number) return string.format('%.0f', number) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- since when it is kept; a clock that was set back makes it begin anew
local reign = redis.call('HMGET', KEYS[1], 'born', 'timeline', 'primary', 'position')
local born = tonumber(reign[1] or '')
if not born or born > now then
  born = now
  redis.call('HSET', KEYS[1], 'born', text(born))
end
if ARGV[11] ~= '' and ARGV[10] ~= text(born) and redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('HSET', KEYS[3], 'server', ARGV[11], 'holder', ARGV[12], 'tries', ARGV[13])
end

-- the highest timeline, its primary, and how far that has come; positions are of one length
local mine, had = tonumber(ARGV[3]), tonumber(reign[2] or '0')
local primary, position = reign[3] or '', reign[4] or ''
if mine > had then
  had, primary, position = mine, ARGV[6], ARGV[7]
  redis.call('HSET', KEYS[1], 'timeline', ARGV[3], 'primary', primary, 'position', position)
elseif mine == had and mine > 0 then
  if ARGV[7] > position then
    position = ARGV[7]
    redis.call('HSET', KEYS[1], 'position', position)
  end
  if primary == '' and ARGV[6] ~= '' then
    primary = ARGV[6]
    redis.call('HSET', KEYS[1], 'primary', primary)
  end
end

-- who is there, and who misses the primary
redis.call('ZADD', KEYS[4], text(now), ARGV[1])
if ARGV[4] == '1' then
  redis.call('ZADD', KEYS[5], text(now), ARGV[1])
else
  redis.call('ZREM', KEYS[5], ARGV[1])
end
for i = 4, 5 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', text(now - tonumber(ARGV[8])))
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '(' .. text(now), '+inf')
  redis.call('PEXPIRE', KEYS[i], 3600000)
end

local lock = redis.call('GET', KEYS[2]) or ''
if lock == ARGV[2] and ARGV[5] == '1' then
  redis.call('PEXPIRE', KEYS[2], ARGV[9])
end
local claim = redis.call('HMGET', KEYS[3], 'server', 'holder', 'tries')
return {
  text(born), text(now - born), text(had), primary, position,
  text(redis.call('ZCARD', KEYS[4])), text(redis.call('ZCARD', KEYS[5])),
  lock, claim[1] or '', claim[2] or '', claim[3] or ''
}
