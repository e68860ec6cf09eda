---@meta azdrift.listings
-- Large files compared without holding them: each is listed (where its resources stand, the hash of each), the listings are compared
-- in slices side by side, the parts are joined. Failures are nil, a sentence, a code.

---@class azdrift.listings
local listings = {}

---@class azdrift.listing
---@class azdrift.listing.part

--- Lists the resources of a file; awaits. false: no list, or a small one, which detector:compare takes.
---@param detector azdrift.detector  the one that compares, too
---@param path string
---@return azdrift.listing|false|nil listing
---@return string? message  opens with the file
---@return string? code
function listings.read(detector, path) end

--- Compares one slice of the ids; awaits.
---@param detector azdrift.detector
---@param old azdrift.listing
---@param new azdrift.listing
---@param slice integer   counted from 1
---@param slices integer  at most 256
---@return azdrift.listing.part? part
---@return string? message
---@return string? code
function listings.compare(detector, old, new, slice, slices) end

--- The result of all slices. Each part can be joined once.
---@param parts azdrift.listing.part[]
---@return azdrift.detector.result? result
---@return string? message
---@return string? code
function listings.join(parts) end

--- How many slices can be compared side by side.
---@return integer
function listings.workers() end

return listings
