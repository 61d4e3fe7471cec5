-- Answers when the data can be read by this release.

return 1
