-- Writes are collected while a script reads and decides, and made at its end, after everything that can fail: so a script
-- that fails has written nothing. What goes into one set or hash goes there with one command. Sums, which stand in hashes that
-- nobody has read, go first; and a key that holds something else than it should is set aside and begins anew.

local commands, added, removed, fields = {}, {}, {}, {}
-- Where a command begins and ends in its table, two numbers for each that holds more.
local spans = {}

local function write(...)
  commands[#commands + 1] = { ... }
end

-- The command as a table, its key whole.
local function write_all(command)
  commands[#commands + 1] = command
end

-- The command that stands in a table from one position to another: to read it there costs less than to copy it.
local function write_part(list, first, last)
  local n = #commands + 1
  commands[n], spans[2 * n], spans[2 * n + 1] = list, first, last
end

local function collect(groups, name, a, b)
  local group = groups[name]
  if not group then
    group = {}
    groups[name] = group
  end
  group[#group + 1] = a
  if b then group[#group + 1] = b end
end

local function zadd(name, score, member)
  collect(added, name, score, member)
end

local function zrem(name, member)
  collect(removed, name, member)
end

local function hset(name, field, value)
  collect(fields, name, field, value)
end

-- Adds to a number in a hash.
local function hadd(name, field, number)
  local hash = sums[name] or {}
  hash[field] = (hash[field] or 0) + number
  sums[name] = hash
end

local function set_key_aside(name)
  count_unreadable()
  rcall('RENAME', P .. name, P .. 'set-aside:' .. name)
  rcall('PEXPIRE', P .. 'set-aside:' .. name, 'SET_ASIDE_MS')
end

-- Whether a command failed because what it writes to is damaged.
local function met_damage(failure)
  local err = type(failure) == 'table' and failure.err or failure
  return match(err, 'WRONGTYPE') or match(err, 'hash value is not an integer') or match(err, 'would overflow')
end

-- Who adds to sums says how a hash of them is made anew, and what is done when one of them begins.
local mend_sums, note_first
local function add_up()
  for name, hash in pairs(sums) do
    local failure
    for field, number in pairs(hash) do
      if number ~= 0 and not failure then
        local reply = redis.pcall('HINCRBY', P .. name, field, exact(number))
        failure = type(reply) == 'table' and reply
        if reply == number then note_first(name, field) end
      end
    end
    if failure then
      if met_damage(failure) then mend_sums(name) end
      -- For any other reason it fails again.
      for field, number in pairs(hash) do rcall('HINCRBY', P .. name, field, exact(number)) end
    end
  end
  sums = {}
end

-- At most this many values in one command: Lua passes no more than a few thousand.
local MOST_VALUES = 2000
-- The key that is written to, and how many of the commands were run.
local written, run = '', 0
local function in_groups(command, groups)
  for name, group in pairs(groups) do
    written = P .. name
    for from = 1, #group, MOST_VALUES do
      rcall(command, written, unpack(group, from, min(#group, from + MOST_VALUES - 1)))
    end
  end
end

local function write_collected()
  in_groups('ZREM', removed)
  in_groups('ZADD', added)
  in_groups('HSET', fields)
  while run < #commands do
    local n = run + 1
    local command, first = commands[n], spans[2 * n] or 1
    written = command[first + 1]
    rcall(unpack(command, first, spans[2 * n + 1]))
    run = n
  end
end

local function make_writes()
  add_up()
  local whole, failure = pcall(write_collected)
  while not whole do
    if not met_damage(failure) then error(failure) end
    -- What went into sets and hashes before goes there once more, which changes nothing.
    set_key_aside(written:sub(#P + 1))
    whole, failure = pcall(write_collected)
  end
  commands, spans, added, removed, fields, run = {}, {}, {}, {}, {}, 0
end
