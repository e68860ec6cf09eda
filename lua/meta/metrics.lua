---@meta azdrift.metrics
-- What scripts count and measure, beside what the engine does. Names: azdrift_*, base units at the end (_seconds, _bytes), counters end
-- in _total. Label values are few and known: kinds, route templates, scopes; never ids of resources.

---@class azdrift.metrics
local metrics = {}

---@class azdrift.metric
local metric = {}

--- Of a counter.
---@param amount integer
---@param ... string  the values of its labels, in order
function metric:add(amount, ...) end

--- Of a gauge.
---@param value number
---@param ... string
function metric:set(value, ...) end

--- Of a histogram.
---@param value number
---@param ... string
function metric:observe(value, ...) end

--- Lives as long as the program: define it where a module loads.
---@param name string
---@param help string
---@param labels? string[]
---@return azdrift.metric
function metrics.counter(name, help, labels) end

---@param name string
---@param help string
---@param labels? string[]
---@return azdrift.metric
function metrics.gauge(name, help, labels) end

--- 5 ms to 10 s.
---@param name string
---@param help string
---@param labels? string[]
---@return azdrift.metric
function metrics.histogram(name, help, labels) end

--- All of them, in Prometheus' text format 0.0.4.
---@return string
function metrics.text() end

return metrics
