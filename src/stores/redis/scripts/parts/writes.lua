-- Writes are collected while a script reads and decides, and made at its end, after everything that can fail: so a script
-- that fails has written nothing. What goes into one set or hash goes there with one command.

local commands, added, removed, fields, sums = {}, {}, {}, {}, {}

local function write(...)
  commands[#commands + 1] = { ... }
end

-- The command as a table, its key whole.
local function write_all(command)
  commands[#commands + 1] = command
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

-- At most this many values in one command: Lua passes no more than a few thousand.
local MOST_VALUES = 2000
local function in_groups(command, groups)
  for name, group in pairs(groups) do
    for from = 1, #group, MOST_VALUES do
      rcall(command, P .. name, unpack(group, from, min(#group, from + MOST_VALUES - 1)))
    end
  end
end

local function make_writes()
  in_groups('ZREM', removed)
  in_groups('ZADD', added)
  in_groups('HSET', fields)
  for name, hash in pairs(sums) do
    for field, number in pairs(hash) do
      if number ~= 0 then rcall('HINCRBY', P .. name, field, exact(number)) end
    end
  end
  for _, command in ipairs(commands) do rcall(unpack(command)) end
  commands, added, removed, fields, sums = {}, {}, {}, {}, {}
end
