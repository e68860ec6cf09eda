-- Microsoft.Web.

-- An enabled autoscale setting that names the plan owns its instance count.
local function is_autoscaled(resource)
  for _, setting in ipairs(resource.related("Microsoft.Insights/autoscaleSettings")) do
    if setting.properties.enabled then return true end
  end
  return false
end

rules {
  type = { "Microsoft.Web/sites", "Microsoft.Web/sites/slots" }, owner = "azdrift",

  { ignore = "properties.lastModifiedTimeUtc", why = "follows every write and every deployment" },
  { ignore = "properties.inProgressOperationId", why = "an operation in flight" },
  { ignore = "properties.siteProperties", why = "repeats settings that stand elsewhere in the body" },
  { ignore = "properties.deploymentId", why = "a label of the last deployment" },
  { observe = "properties.usageState", why = "quota state, not configuration" },
  { observe = "properties.availabilityState", why = "a state, not configuration" },
  { observe = "properties.state", why = "running or stopped: a state, not configuration" },
  { observe = "properties.runtimeAvailabilityState", why = "a state, not configuration" },
  { observe = "properties.slotSwapStatus", why = "an event; what the swap changed shows itself" },
  { observe = "properties.trafficManagerHostNames", why = "follows Traffic Manager's own configuration" },
  { observe = "properties.outboundIpAddresses",
    why = "the platform moves apps between units; a comma list in any order" },
  { observe = "properties.possibleOutboundIpAddresses",
    why = "the platform moves apps between units; a comma list in any order" },
  { observe = "properties.inboundIpAddress", why = "the platform moves apps between units" },
  { observe = "properties.possibleInboundIpAddresses", why = "the platform moves apps between units" },
  { observe = "properties.homeStamp", why = "the unit that hosts the app at the moment" },
  { observe = "properties.selfLink", why = "an address of the unit that hosts the app" },
  { observe = "properties.eligibleLogCategories", why = "what the platform could log" },
  { observe = "properties.ftpsHostName", why = "follows the unit that hosts the app" },
  { ignore = "properties.siteConfig", between = "views",
    why = "a shadow: a site's body repeats a part of config/web, and the answer to a PUT or an item of a list fills it "
      .. "with what a new site would have; config/web is collected itself" },
  { key = "properties.hostNameSslStates", by = "name", why = "one entry a host name" },
  { redact = "..machineKey", why = "the keys that sign and encrypt view state" },
}

rules {
  type = { "Microsoft.Web/sites/config", "Microsoft.Web/sites/slots/config" }, owner = "azdrift",

  { list = "properties.defaultDocuments", why = "the first that exists is served" },
  { list = "properties.handlerMappings", why = "the first that matches is used" },
  { redact = "..machineKey", why = "the keys that sign and encrypt view state" },
  { redact = "properties.publishingPassword", why = "the deployment password" },
}

rules {
  type = "Microsoft.Web/serverfarms", owner = "azdrift",

  { ignore = "properties.numberOfSites", why = "a count; the apps are collected themselves" },
  { ignore = "properties.vnetConnectionsUsed", why = "a count; the connections are the apps' own" },
  { ignore = "properties.currentNumberOfWorkers", why = "follows sku.capacity" },
  { ignore = "properties.numberOfWorkers", why = "follows sku.capacity" },
  { ignore = "properties.currentWorkerSize", why = "follows sku.size" },
  { ignore = "properties.currentWorkerSizeId", why = "follows sku.size" },
  { ignore = "properties.workerSize", why = "follows sku.size" },
  { ignore = "properties.workerSizeId", why = "follows sku.size" },
  { observe = "properties.status", why = "a state, not configuration" },
  { observe = "properties.serverFarmId", why = "a number of the platform's own" },
  { observe = "properties.maximumNumberOfWorkers", why = "a limit that follows the tier" },
  { observe = "sku.capacity",
    why = "the autoscale setting's business while it is enabled",
    when = function(_, resource) return is_autoscaled(resource) end },
}
