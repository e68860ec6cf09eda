---@meta azdrift.log
-- One line an event on standard error. Never a secret: ids, hosts, counts and codes, not headers or bodies.

---@class azdrift.log
local log = {}

---@param event string  snake_case, for programs
---@param sentence string
function log.debug(event, sentence) end

---@param event string
---@param sentence string
function log.info(event, sentence) end

---@param event string
---@param sentence string
function log.warn(event, sentence) end

---@param event string
---@param sentence string
function log.error(event, sentence) end

---@param level "debug"|"info"|"warn"|"error"|"off"
function log.set_level(level) end

--- Default: text on a terminal, else JSON.
---@param form "text"|"json"
function log.set_form(form) end

return log
