-- Microsoft.RecoveryServices and DataProtection: whether what was deleted can be brought back.

local function resource(properties) return { properties = properties } end

policy "backup-soft-delete-off" {
  type     = { "Microsoft.RecoveryServices/vaults", "Microsoft.DataProtection/backupVaults" },
  watch    = { "properties.securitySettings.softDeleteSettings", "properties.securitySettings.immutabilitySettings" },
  severity = "high",
  message  = "backups in {resource.name} can be destroyed",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties.securitySettings, r.after.properties.securitySettings
    local function keeps(settings)
      return one_of(settings.softDeleteSettings.softDeleteState or settings.softDeleteSettings.state, { "Enabled",
        "AlwaysON", "On", "AlwaysOn" })
    end
    if keeps(was) and not keeps(is) then
      return { severity = "high", message = "soft delete of {resource.name} is off" }
    end
    local locks = { "Unlocked", "Locked" }
    if one_of(was.immutabilitySettings.state, locks) and not one_of(is.immutabilitySettings.state, locks) then
      return { severity = "high", message = "backups in {resource.name} are no longer immutable" }
    end
  end,
  examples = {
    { old = resource { securitySettings = { softDeleteSettings = { softDeleteState = "Enabled" } } },
      new = resource { securitySettings = { softDeleteSettings = { softDeleteState = "Disabled" } } }, gives = "high" },
    { old = resource { securitySettings = { softDeleteSettings = { state = "On" } } },
      new = resource {}, gives = "high" },
    { old = resource { securitySettings = { immutabilitySettings = { state = "Unlocked" } } },
      new = resource { securitySettings = { immutabilitySettings = { state = "Disabled" } } }, gives = "high" },
    { old = resource { securitySettings = { softDeleteSettings = { state = "Off" } } },
      new = resource { securitySettings = { softDeleteSettings = { state = "On" } } }, gives = false },
  },
}

policy "backup-protection-removed" {
  type = { "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
    "Microsoft.DataProtection/backupVaults/backupInstances" },
  kind = "removed", severity = "high", message = "{resource.name} is no longer backed up",
  examples = {
    { old = resource { protectionState = "Protected" }, gives = "high" },
    { old = resource { protectionState = "Protected" }, new = resource {}, gives = false },
    { new = resource { protectionState = "Protected" }, gives = false },
  },
}
