-- What a change of a virtual key means for its tasks.

-- What the create step checks, and the limit, which counts at once in every lane. '=' leaves one as it is.
local function change_key(id, on, ends, cap)
  local k = load_key(id)
  queue_of(k, 'image')
  queue_of(k, 'video')
  local set = {}
  if on ~= '=' then set[1], set[2] = 'on', on end
  if ends ~= '=' then set[#set + 1], set[#set + 2] = 'until', ends end
  if cap ~= '=' then
    set[#set + 1], set[#set + 2] = 'cap', cap
    k.cap = tonumber(cap)
    k.moved.image, k.moved.video = true, true
  end
  if #set > 0 then write('HSET', k.at, unpack(set)) end
  flush()
end

-- The key is no longer found by the hash it has.
local function forget_hash(id)
  rcall('HDEL', P .. 'hashes', rcall('HGET', P .. 'account:' .. id, 'hash') or '')
end
