-- Reading names of the first release: `B` is the prefix they begin with.

local B = KEYS[2]

-- The text as a pattern of SCAN.
local function as_pattern(text)
  return (text:gsub('[%*%?%[%]%^\\]', '\\%0'))
end
