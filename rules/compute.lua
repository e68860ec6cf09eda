-- Microsoft.Compute.

-- An enabled autoscale setting that names the resource owns its instance count.
local function is_autoscaled(resource)
  for _, setting in ipairs(resource.related("Microsoft.Insights/autoscaleSettings")) do
    if setting.properties.enabled then return true end
  end
  return false
end

rules {
  type = "Microsoft.Compute/virtualMachines", owner = "azdrift",

  { observe = "properties.instanceView", why = "the state of the running machine, not configuration" },
  { ignore = "resources", why = "repeats the extensions, which are collected themselves" },
  { compare = "properties.vmId",
    why = "read-only and constant for the life of a machine: another one means deleted and made again under its name" },
  { observe = "properties.timeCreated", why = "follows a machine made again, which vmId tells" },
  { observe = "properties.storageProfile.imageReference.exactVersion",
    why = "what `latest` was when the machine was made" },
  { key = "properties.storageProfile.dataDisks", by = "lun", why = "a slot holds one disk" },
  { list = "properties.networkProfile.networkInterfaces", why = "the guest sees the interfaces in this order" },
  { same = "..keyData", as = "space", why = "keys come back with line ends and blanks of their own" },
}

rules {
  type = { "Microsoft.Compute/virtualMachines", "Microsoft.Compute/virtualMachineScaleSets" }, owner = "azdrift",

  { redact = "..customData", why = "cloud-init text: passwords and join keys stand in it" },
  { redact = "..userData", why = "readable by everything on the machine, and keys stand in it all the same" },
}

rules {
  type = {
    "Microsoft.Compute/virtualMachines/extensions",
    "Microsoft.Compute/virtualMachineScaleSets/extensions",
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.HybridCompute/machines/extensions",
  },
  owner = "azdrift",

  { redact = "..commandToExecute", why = "command lines carry passwords and tokens; that it changed still shows" },
  { redact = "..protectedSettings", why = "the secret half of the settings, should a door ever answer with it" },
}

rules {
  type = "Microsoft.Compute/virtualMachines/extensions", owner = "azdrift",

  { same = "properties.settings", as = "json",
    why = "settings are kept as text: spacing and order of members mean nothing" },
  { observe = "properties.instanceView", why = "the state of the running extension, not configuration" },
}

rules {
  type = "Microsoft.Compute/disks", owner = "azdrift",

  { compare = "properties.timeCreated", why = "constant for the life of a disk: another one means deleted and made again" },
  { observe = "properties.diskState", why = "attached or not: a state; the machine's own disks show why" },
  { observe = "managedBy", why = "a back reference: the machine's dataDisks show the change" },
  { observe = "managedByExtended", why = "a back reference: the machine's dataDisks show the change" },
  { ignore = "properties.LastOwnershipUpdateTime", why = "when it was last attached or detached" },
  { ignore = "properties.propertyUpdatesInProgress", why = "the progress of an update" },
}

rules {
  type = "Microsoft.Compute/virtualMachineScaleSets", owner = "azdrift",

  { observe = "properties.virtualMachineProfile.timeCreated", why = "follows every new model" },
  { key = "properties.virtualMachineProfile.extensionProfile.extensions", by = "name",
    why = "an extension is told by its name; Azure answers in its own order" },
  { key = "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations", by = "name",
    why = "told apart by name" },
  { key = "properties.virtualMachineProfile.storageProfile.dataDisks", by = "lun", why = "a slot holds one disk" },
  { same = "..keyData", as = "space", why = "keys come back with line ends and blanks of their own" },
  { observe = "sku.capacity",
    why = "the autoscale setting's business while it is enabled",
    when = function(_, resource) return is_autoscaled(resource) end },
}

rules {
  type = {
    "Microsoft.Compute/snapshots",
    "Microsoft.Compute/images",
    "Microsoft.Compute/galleries/images/versions",
  },
  owner = "azdrift",

  { observe = "properties.diskState", why = "a state, not configuration" },
  { observe = "properties.completionPercent", why = "the progress of a copy" },
  { observe = "properties.replicationStatus", why = "the progress of a copy" },
}

rules {
  type = { "Microsoft.Compute/availabilitySets", "Microsoft.Compute/proximityPlacementGroups", "Microsoft.Compute/hostGroups" },
  owner = "azdrift",

  { observe = "properties.virtualMachines", why = "a back reference: the machine names its set" },
  { observe = "properties.virtualMachineScaleSets", why = "a back reference: the scale set names its group" },
  { observe = "properties.availabilitySets", why = "a back reference: the set names its group" },
  { observe = "properties.hosts", why = "a back reference: the hosts are collected themselves" },
}
