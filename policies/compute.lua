-- Microsoft.Compute.

local function resource(properties) return { properties = properties } end

policy "disk-reachable" {
  type     = "Microsoft.Compute/disks",
  watch    = { "properties.networkAccessPolicy", "properties.publicNetworkAccess" },
  severity = "high",
  message  = "{resource.name} can be exported over the Internet",
  fix      = "az disk update --ids {resource.id} --network-access-policy DenyAll --public-network-access Disabled",
  refs     = { "AP 8405fdab" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    -- Absent means AllowAll and Enabled.
    local function is_open(disk)
      return (disk.networkAccessPolicy or "AllowAll") == "AllowAll" and (disk.publicNetworkAccess or "Enabled") == "Enabled"
    end
    return is_open(r.after.properties) and not is_open(r.before.properties) and "high"
  end,
  examples = {
    { old = resource { networkAccessPolicy = "DenyAll" },
      new = resource { networkAccessPolicy = "AllowAll" }, gives = "high" },
    { old = resource { networkAccessPolicy = "AllowPrivate", publicNetworkAccess = "Disabled" },
      new = resource {}, gives = "high" },
    { old = resource { networkAccessPolicy = "DenyAll", publicNetworkAccess = "Disabled" },
      new = resource { networkAccessPolicy = "AllowAll", publicNetworkAccess = "Disabled" }, gives = false },
    { old = resource { networkAccessPolicy = "AllowAll" },
      new = resource { networkAccessPolicy = "DenyAll" }, gives = false },
  },
}

policy "vm-password-login" {
  type     = "Microsoft.Compute/virtualMachines",
  watch    = "properties.osProfile.linuxConfiguration.disablePasswordAuthentication",
  from     = true,
  to       = { false, null }, -- absent means passwords
  severity = "high",
  message  = "{resource.name} takes passwords for SSH",
  refs     = { "P:vm_linux_enforce_ssh_authentication" },
  examples = {
    { old = resource { osProfile = { linuxConfiguration = { disablePasswordAuthentication = true } } },
      new = resource { osProfile = { linuxConfiguration = { disablePasswordAuthentication = false } } },
      gives = "high" },
    { old = resource { osProfile = { linuxConfiguration = { disablePasswordAuthentication = true } } },
      new = resource { osProfile = { linuxConfiguration = {} } }, gives = "high" },
    { old = resource { osProfile = { linuxConfiguration = { disablePasswordAuthentication = false } } },
      new = resource { osProfile = { linuxConfiguration = { disablePasswordAuthentication = true } } }, gives = false },
  },
}

policy "vm-recreated" {
  type     = "Microsoft.Compute/virtualMachines",
  watch    = "properties.vmId",
  severity = "medium",
  message  = "{resource.name} was deleted and made again: role assignments and diagnostic settings may be gone",
  on_resource = function(r)
    local was, is = r.before.properties.vmId, r.after.properties.vmId
    return was ~= nil and is ~= nil and was ~= is and "medium"
  end,
  examples = {
    { old = resource { vmId = "a" }, new = resource { vmId = "b" }, gives = "medium" },
    { old = resource { vmId = "a", hardwareProfile = { vmSize = "Standard_B1s" } },
      new = resource { vmId = "a", hardwareProfile = { vmSize = "Standard_B2s" } }, gives = false },
    { old = resource { vmId = "a" }, new = resource {}, gives = false },
  },
}

-- Extensions that run what somebody hands them, or set a password.
local RUNS_CODE = { "CustomScript", "CustomScriptExtension", "RunCommandLinux", "RunCommandWindows",
  "CustomScriptForLinux", "DSC", "VMAccessAgent",
  "VMAccessForLinux" }

policy "vm-extension-runs-code" {
  type     = { "Microsoft.Compute/virtualMachines/extensions", "Microsoft.Compute/virtualMachineScaleSets/extensions" },
  severity = "high",
  message  = "extension {resource.name} ran code in the machine",
  on_resource = function(r)
    if r.kind == "removed" or not one_of(r.after.properties.type, RUNS_CODE) then return nil end
    local what = r.after.properties.type .. " extension {resource.name}"
    if r.kind == "added" then
      return { severity = "high", message = what .. " was added: it runs code as root or SYSTEM" }
    end
    return { severity = "high", message = what .. " was changed: it runs code as root or SYSTEM" }
  end,
  examples = {
    { new = resource { publisher = "Microsoft.Azure.Extensions", type = "CustomScript" }, gives = "high" },
    { old = resource { type = "CustomScript", settings = { commandToExecute = "a" } },
      new = resource { type = "CustomScript", settings = { commandToExecute = "b" } }, gives = "high" },
    { new = resource { publisher = "Microsoft.Azure.Monitor", type = "AzureMonitorLinuxAgent" }, gives = false },
    { old = resource { type = "CustomScript" }, gives = false },
    { new = { properties = {} }, gives = false },
  },
}

policy "vm-run-command" {
  type = "Microsoft.Compute/virtualMachines/runCommands", kind = { "added", "changed" }, severity = "high",
  message = "command {resource.name} was run in the machine",
  examples = {
    { new = resource { source = { script = "id" } }, gives = "high" },
    { old = resource { source = { script = "id" } }, new = resource {}, gives = "high" },
    { old = resource { source = { script = "id" } }, gives = false },
  },
}

policy "vm-host-encryption-off" {
  type     = { "Microsoft.Compute/virtualMachines" },
  watch    = { "properties.securityProfile.encryptionAtHost", "properties.securityProfile.uefiSettings.secureBootEnabled" },
  from     = true,
  to       = { false, null },
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name} lost a protection: {path} is off",
  refs     = { "P:vm_trusted_launch_enabled" },
  examples = {
    { old = resource { securityProfile = { encryptionAtHost = true } },
      new = resource { securityProfile = { encryptionAtHost = false } }, gives = "medium" },
    { old = resource { securityProfile = { uefiSettings = { secureBootEnabled = true } } },
      new = resource { securityProfile = { uefiSettings = {} } }, gives = "medium" },
    { old = resource { securityProfile = { encryptionAtHost = false } },
      new = resource { securityProfile = { encryptionAtHost = true } }, gives = false },
  },
}

policy "disk-platform-key" {
  type     = "Microsoft.Compute/disks",
  watch    = "properties.encryption.diskEncryptionSetId",
  severity = "medium",
  message  = "{resource.name} is no longer encrypted with your own key",
  refs     = { "P:vm_ensure_attached_disks_encrypted_with_cmk" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    return r.before.properties.encryption.diskEncryptionSetId ~= nil
      and not r.after.properties.encryption.diskEncryptionSetId and "medium"
  end,
  examples = {
    { old = resource { encryption = { diskEncryptionSetId = "/des/a", type = "EncryptionAtRestWithCustomerKey" } },
      new = resource { encryption = { type = "EncryptionAtRestWithPlatformKey" } }, gives = "medium" },
    { old = resource { encryption = { diskEncryptionSetId = "/des/a" } },
      new = resource { encryption = { diskEncryptionSetId = "/des/b" } }, gives = false },
    { old = resource {}, new = resource { encryption = { diskEncryptionSetId = "/des/a" } }, gives = false },
  },
}
