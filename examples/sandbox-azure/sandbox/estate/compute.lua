-- Virtual machines with what each needs: network interface, disks, extensions, availability set.
local json = require("azdrift.json")

local compute = {}

function compute.availability_set(ctx, name)
  return ctx:add("Microsoft.Compute/availabilitySets", { name }, { sku = { name = "Aligned" }, properties = {
    platformUpdateDomainCount = 5, platformFaultDomainCount = 2, virtualMachines = json.array {} } })
end

local function interface(ctx, name, vm, subnet, nsg, public_ip)
  local id = ctx:id("Microsoft.Network/networkInterfaces", name)
  local ip = { privateIPAddress = "10.0.1." .. ctx.random.integer(4, 250), privateIPAllocationMethod = "Dynamic",
    privateIPAddressVersion = "IPv4", primary = true, provisioningState = "Succeeded", subnet = { id = subnet } }
  if public_ip then ip.publicIPAddress = { id = public_ip } end
  return ctx:add("Microsoft.Network/networkInterfaces", { name }, { etag = ctx:etag(), kind = "Regular", properties = {
    provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), macAddress = ctx.random.hex(12):upper(),
    primary = true, enableAcceleratedNetworking = true, enableIPForwarding = false, vnetEncryptionSupported = false,
    disableTcpStateTracking = false, nicType = "Standard", auxiliaryMode = "None", auxiliarySku = "None",
    hostedWorkloads = json.array {}, tapConfigurations = json.array {},
    networkSecurityGroup = nsg and { id = nsg } or nil, virtualMachine = { id = vm },
    dnsSettings = { dnsServers = json.array {}, appliedDnsServers = json.array {},
      internalDomainNameSuffix = ctx.random.hex(10) .. ".ax.internal.cloudapp.net" },
    ipConfigurations = { { name = "primary", id = id .. "/ipConfigurations/primary", etag = ctx:etag(),
      type = "Microsoft.Network/networkInterfaces/ipConfigurations", properties = ip } } } })
end

function compute.disk(ctx, name, size_gb, vm)
  return ctx:add("Microsoft.Compute/disks", { name }, { managedBy = vm, sku = { name = "Premium_LRS", tier = "Premium" },
    zones = { "1" }, properties = { osType = vm and "Linux" or nil, hyperVGeneration = vm and "V2" or nil,
      creationData = vm and { createOption = "FromImage", imageReference = { id = "/Subscriptions/"
        .. ctx.subscription.subscriptionId .. "/Providers/Microsoft.Compute/Locations/" .. ctx.location
        .. "/Publishers/Canonical/ArtifactTypes/VMImage/Offers/0001-com-ubuntu-server-jammy/Skus/22_04-lts-gen2"
        .. "/Versions/22.04.202410010" } } or { createOption = "Empty" },
      diskSizeGB = size_gb, diskSizeBytes = size_gb * 1073741824, diskIOPSReadWrite = 500, diskMBpsReadWrite = 100,
      encryption = { type = "EncryptionAtRestWithPlatformKey" }, networkAccessPolicy = "DenyAll",
      publicNetworkAccess = "Disabled", timeCreated = ctx.random.moment(), provisioningState = "Succeeded",
      diskState = vm and "Attached" or "Unattached", uniqueId = ctx.random.guid(), tier = "P10",
      LastOwnershipUpdateTime = ctx.random.moment() } })
end

function compute.extension(ctx, vm, name, publisher, settings)
  return ctx:add("Microsoft.Compute/virtualMachines/extensions", { vm, name }, { properties = {
    autoUpgradeMinorVersion = true, provisioningState = "Succeeded", enableAutomaticUpgrade = true,
    suppressFailures = false, publisher = publisher, type = name, typeHandlerVersion = "1.33", settings = settings } })
end

-- options: subnet, nsg, public_ip, set (ids). Gives the id of the machine.
function compute.machine(ctx, name, options)
  local id = ctx:id("Microsoft.Compute/virtualMachines", name)
  local nic = interface(ctx, name .. "-nic", id, options.subnet, options.nsg, options.public_ip)
  local os_disk = compute.disk(ctx, name .. "_OsDisk", 128, id)
  local vm_id = ctx.random.guid()
  ctx:add("Microsoft.Compute/virtualMachines", { name }, {
    identity = { type = "SystemAssigned", principalId = ctx.random.guid(), tenantId = ctx.tenant },
    etag = '"1"', properties = { provisioningState = "Succeeded", vmId = vm_id, timeCreated = ctx.random.moment(),
      hardwareProfile = { vmSize = ctx.random.pick { "Standard_D2s_v5", "Standard_D4s_v5", "Standard_E2s_v5" } },
      -- Compute writes the group of an availability set in capitals.
      availabilitySet = options.set and { id = options.set:gsub("/resourceGroups/([^/]+)", function(group)
        return "/resourceGroups/" .. group:upper() end) } or nil,
      storageProfile = { diskControllerType = "SCSI", dataDisks = json.array {},
        imageReference = { publisher = "Canonical", offer = "0001-com-ubuntu-server-jammy", sku = "22_04-lts-gen2",
          version = "latest", exactVersion = "22.04.202410010" },
        osDisk = { name = name .. "_OsDisk", osType = "Linux", createOption = "FromImage", caching = "ReadWrite",
          deleteOption = "Delete", diskSizeGB = 128, managedDisk = { id = os_disk,
            storageAccountType = "Premium_LRS" } } },
      osProfile = { computerName = name, adminUsername = "azureuser", secrets = json.array {},
        allowExtensionOperations = true, requireGuestProvisionSignal = true,
        linuxConfiguration = { disablePasswordAuthentication = true, provisionVMAgent = true,
          patchSettings = { patchMode = "AutomaticByPlatform", assessmentMode = "ImageDefault" },
          ssh = { publicKeys = { { path = "/home/azureuser/.ssh/authorized_keys",
            keyData = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" .. ctx.random.hex(43) .. " ops@contoso\n" } } } } },
      networkProfile = { networkInterfaces = { { id = nic, properties = { primary = true, deleteOption = "Delete" } } } },
      diagnosticsProfile = { bootDiagnostics = { enabled = true } },
      securityProfile = { securityType = "TrustedLaunch", uefiSettings = { secureBootEnabled = true, vTpmEnabled = true } } } })
  compute.extension(ctx, name, "AzureMonitorLinuxAgent", "Microsoft.Azure.Monitor",
    { authentication = { managedIdentity = { ["identifier-name"] = "mi_res_id" } } })
  return id
end

return compute
