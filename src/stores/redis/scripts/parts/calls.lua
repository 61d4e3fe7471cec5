-- Reading the calls of a script that makes several, each a list of texts. ARGV: 3 the first one as JSON; where there are more, 4 the
-- positions at which those of its length differ from it (JSON), and from 5 the others: the texts at these positions, or all of one
-- of another length, behind a blank.

local function read_calls()
  local first = cjson.decode(ARGV[3])
  local read, positions = { first }, ARGV[4] and cjson.decode(ARGV[4])
  for i = 5, #ARGV do
    local c = cjson.decode(ARGV[i])
    if ARGV[i]:byte(1) ~= 32 then
      local texts = c
      c = { unpack(first) }
      for n = 1, #positions do c[positions[n]] = texts[n] end
    end
    read[i - 3] = c
  end
  return read
end
