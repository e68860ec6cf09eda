-- Microsoft.Authorization, ManagedIdentity and ManagedServices: who may do what.

local function resource(properties) return { properties = properties } end

local OWNER, ACCESS_ADMIN = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
local RBAC_ADMIN, CONTRIBUTOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168", "b24988ac-6180-42a0-ab88-20f7382dd24c"
-- Roles that can give out roles.
local GIVES_ROLES = { [OWNER] = "Owner", [ACCESS_ADMIN] = "User Access Administrator",
  [RBAC_ADMIN] = "Role Based Access Control Administrator" }

local function role_of(properties) return string.match(string.lower(properties.roleDefinitionId or ""), "([%x%-]+)$")
  or "" end

-- A subscription, a management group or the tenant: everything below inherits.
local function is_wide(scope)
  scope = string.lower(scope or "")
  if scope == "/" or starts_with(scope, "/providers/microsoft.management/managementgroups/") then return true end
  return starts_with(scope, "/subscriptions/") and not contains(string.sub(scope, 16), "/")
end

local SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"

local function assignment(role, scope)
  return resource { roleDefinitionId = SUBSCRIPTION .. "/providers/Microsoft.Authorization/roleDefinitions/" .. role,
    principalId = "p1",
    principalType = "User", scope = scope }
end

policy "role-assigned" {
  type     = "Microsoft.Authorization/roleAssignments",
  severity = "high",
  message  = "a role was given to a principal",
  fix      = "az role assignment delete --ids {resource.id}",
  refs     = { "CIS5 5.3.3", "P:iam_role_user_access_admin_restricted" },
  on_resource = function(r)
    if r.kind == "removed" then return nil end
    local is = r.after.properties
    -- A time-bound activation is a person at work who was allowed to; the standing grant is what matters.
    for _, instance in ipairs(r.related("Microsoft.Authorization/roleAssignmentScheduleInstances")) do
      if instance.properties.assignmentType == "Activated" and instance.properties.principalId == is.principalId then
        return { severity = "info",
          message = "an eligible role was activated until " .. (instance.properties.endDateTime or "?") }
      end
    end
    local role, who = role_of(is), (is.principalType or "principal") .. " " .. (is.principalId or "?")
    if r.kind == "changed" and role_of(r.before.properties) == role
      and r.before.properties.principalId == is.principalId then
      return nil
    end
    local scope = is.scope or r.id
    if GIVES_ROLES[role] then
      return { severity = is_wide(scope) and "critical" or "high",
        message = GIVES_ROLES[role] .. " on " .. scope .. " was given to " .. who }
    end
    if role == CONTRIBUTOR and is_wide(scope) then
      return { severity = "medium", message = "Contributor on " .. scope .. " was given to " .. who }
    end
  end,
  examples = {
    { new = assignment(OWNER, SUBSCRIPTION), gives = "critical" },
    { new = assignment(OWNER, "/providers/Microsoft.Management/managementGroups/root"), gives = "critical" },
    { new = assignment(ACCESS_ADMIN, SUBSCRIPTION .. "/resourceGroups/rg"), gives = "high" },
    { new = assignment(CONTRIBUTOR, SUBSCRIPTION), gives = "medium" },
    { new = assignment("acdd72a7-3385-48ef-bd42-f606fba81ae7", SUBSCRIPTION), gives = false }, -- Reader
    { old = assignment(OWNER, SUBSCRIPTION), gives = false },
    { new = { properties = {} }, gives = false },
  },
}

policy "role-eligible" {
  type     = { "Microsoft.Authorization/roleEligibilityScheduleInstances",
    "Microsoft.Authorization/roleEligibilitySchedules" },
  kind     = "added",
  severity = "high",
  message  = "a principal may now activate a role that gives out roles",
  on_resource = function(r)
    local is = r.after.properties
    local name = GIVES_ROLES[role_of(is)]
    return name and { severity = "high", message = (is.principalId or "?") .. " may now activate " .. name .. " on "
      .. (is.scope or "?") }
  end,
  examples = {
    { new = assignment(OWNER, SUBSCRIPTION), gives = "high" },
    { new = assignment("acdd72a7-3385-48ef-bd42-f606fba81ae7", SUBSCRIPTION), gives = false },
    { new = { properties = {} }, gives = false },
  },
}

local function role_definition(...) return resource { type = "CustomRole", permissions = { { actions = { ... } } } } end

-- Can somebody with these actions give themselves anything?
local function is_sweeping(action)
  action = string.lower(action)
  return action == "*" or action == "*/write" or action == "microsoft.authorization/*"
    or action == "microsoft.authorization/roleassignments/*"
    or action == "microsoft.authorization/roleassignments/write" or action == "microsoft.authorization/*/write"
    or action == "microsoft.authorization/elevateaccess/action"
end

policy "custom-role-widened" {
  type     = "Microsoft.Authorization/roleDefinitions",
  watch    = "properties.permissions",
  severity = "high",
  message  = "custom role {resource.name} may now do more",
  refs     = { "CIS5 5.23", "AP a451c1ef", "P:iam_subscription_roles_owner_custom_not_created" },
  on_resource = function(r)
    if r.kind == "removed" then return nil end
    local had = {}
    for _, permission in ipairs(r.before.properties.permissions) do
      for _, action in ipairs(permission.actions) do had[string.lower(action)] = true end
    end
    for _, permission in ipairs(r.after.properties.permissions) do
      for _, action in ipairs(permission.actions) do
        if is_sweeping(action) and not had[string.lower(action)] then
          return { severity = "high",
            message = "custom role " .. (r.after.properties.roleName or "{resource.name}") .. " may now do " .. action }
        end
      end
    end
  end,
  examples = {
    { old = role_definition("Microsoft.Compute/*/read"), new = role_definition("*"), gives = "high" },
    { new = role_definition("Microsoft.Authorization/*"), gives = "high" },
    { old = resource {}, new = role_definition("Microsoft.Authorization/roleAssignments/write"), gives = "high" },
    { old = role_definition("*"), new = role_definition("Microsoft.Compute/*/read"), gives = false },
    { old = role_definition("*"), new = resource {}, gives = false },
  },
}

policy "lock-removed" {
  type = "Microsoft.Authorization/locks", kind = "removed", severity = "high",
  message = "lock {resource.name} is gone: what it protected can be deleted",
  fix = "az lock create --name {resource.name} --lock-type CanNotDelete --resource-group {resource.group}",
  refs = { "CIS5 6.2", "CIS5 9.3.9", "P:iam_custom_role_has_permissions_to_administer_resource_locks" },
  examples = {
    { old = resource { level = "CanNotDelete" }, gives = "high" },
    { old = resource { level = "CanNotDelete" },
      new = resource { level = "CanNotDelete", notes = "x" }, gives = false },
    { new = resource { level = "CanNotDelete" }, gives = false },
  },
}

policy "lock-weakened" {
  type = "Microsoft.Authorization/locks", watch = "properties.level", from = "ReadOnly", to = { "CanNotDelete",
    "NotSpecified", null },
  severity = "high", message = "lock {resource.name} no longer forbids changes",
  examples = {
    { old = resource { level = "ReadOnly" }, new = resource { level = "CanNotDelete" }, gives = "high" },
    { old = resource { level = "ReadOnly" }, new = resource {}, gives = "high" },
    { old = resource { level = "CanNotDelete" }, new = resource { level = "ReadOnly" }, gives = false },
  },
}

policy "policy-assignment-off" {
  type     = "Microsoft.Authorization/policyAssignments",
  watch    = "properties.enforcementMode",
  to       = "DoNotEnforce",
  severity = "medium",
  message  = "policy assignment {resource.name} only reports what it refused before",
  refs     = { "P:policy_ensure_asc_enforcement_enabled" },
  kind     = "changed",
  examples = {
    { old = resource { enforcementMode = "Default" },
      new = resource { enforcementMode = "DoNotEnforce" }, gives = "medium" },
    { old = resource {}, new = resource { enforcementMode = "DoNotEnforce" }, gives = "medium" },
    { old = resource { enforcementMode = "DoNotEnforce" }, new = resource {}, gives = false }, -- absent: Default
  },
}

policy "policy-assignment-removed" {
  type = "Microsoft.Authorization/policyAssignments", kind = "removed", severity = "medium",
  message = "policy assignment {resource.name} is gone: nothing checks what it checked",
  examples = {
    { old = resource { displayName = "Allowed locations" }, gives = "medium" },
    { old = resource { displayName = "Allowed locations" }, new = resource {}, gives = false },
    { new = resource { displayName = "Allowed locations" }, gives = false },
  },
}

policy "policy-exemption-added" {
  type     = "Microsoft.Authorization/policyExemptions",
  kind     = "added",
  severity = "medium",
  message  = "something is exempt from a policy",
  on_resource = function(r)
    local from = r.after.properties.policyAssignmentId or "a policy"
    if starts_with(r.id, "/providers/Microsoft.Management/managementGroups/") then
      return { severity = "high", message = "a whole management group is exempt from " .. from }
    end
    return { severity = "medium", message = "exemption {resource.name}: no longer held to " .. from }
  end,
  examples = {
    { new = resource { policyAssignmentId = "/a" }, gives = "medium" },
    { id = "/providers/Microsoft.Management/managementGroups/mg/providers/Microsoft.Authorization/policyExemptions/x",
      new = resource { policyAssignmentId = "/a" }, gives = "high" },
    { old = resource {}, new = resource { exemptionCategory = "Waiver" }, gives = false },
  },
}

policy "federated-credential" {
  type     = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
  severity = "critical",
  message  = "credential {resource.name}: somebody else's tokens are taken",
  fix      = "az identity federated-credential delete --ids {resource.id}",
  on_resource = function(r)
    local was, is = r.before.properties, r.after.properties
    if r.kind == "removed" then return nil end
    if was.subject == is.subject and was.issuer == is.issuer then return nil end
    return { severity = "critical",
      message = "credential {resource.name} now trusts " .. (is.subject or "?") .. " of " .. (is.issuer or "?") }
  end,
  examples = {
    { old = resource { issuer = "https://token.actions.githubusercontent.com",
      subject = "repo:acme/infra:ref:refs/heads/main" },
      new = resource { issuer = "https://token.actions.githubusercontent.com", subject = "repo:acme/infra:pull_request" },
      gives = "critical" },
    { new = resource { issuer = "https://token.actions.githubusercontent.com", subject = "repo:evil/x:pull_request" },
      gives = "critical" },
    { old = resource { issuer = "i", subject = "s", audiences = { "a" } },
      new = resource { issuer = "i", subject = "s", audiences = { "b" } }, gives = false },
    { old = resource { issuer = "i", subject = "s" }, new = resource { issuer = "i" }, gives = "critical" },
    { old = resource { issuer = "i", subject = "s" }, gives = false },
  },
}

policy "delegation-added" {
  type = { "Microsoft.ManagedServices/registrationAssignments", "Microsoft.ManagedServices/registrationDefinitions" },
    kind = "added",
  severity = "critical", message = "another tenant may now manage resources here; role assignments do not show it",
  examples = {
    { new = resource { registrationDefinitionId = "/d" }, gives = "critical" },
    { old = resource { registrationDefinitionId = "/d" }, gives = false },
    { old = resource {}, new = resource { registrationDefinitionId = "/d" }, gives = false },
  },
}

local HERE, ABROAD = SUBSCRIPTION, "/subscriptions/00000000-0000-0000-0000-000000000002"

local function connections(...) return { properties = { privateEndpointConnections = { ... } } } end

local function connection(name, subscription, status)
  return { name = name, properties = { privateEndpoint = { id = subscription
    .. "/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe" },
    privateLinkServiceConnectionState = { status = status } } }
end

policy "private-endpoint-approved" {
  type     = "*",
  watch    = "properties.privateEndpointConnections",
  severity = "high",
  message  = "a private endpoint of another subscription was approved on {resource.name}",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, is in ipairs(r.after.properties.privateEndpointConnections) do
      local was = find(r.before.properties.privateEndpointConnections, "name", is.name)
      local status = is.properties.privateLinkServiceConnectionState.status
      if status == "Approved" and was.properties.privateLinkServiceConnectionState.status ~= "Approved" then
        local endpoint = is.properties.privateEndpoint.id or ""
        local foreign = not starts_with(endpoint, "/subscriptions/" .. (r.subscription or "?") .. "/")
        return { severity = foreign and "high" or "low",
          message = "private endpoint " .. endpoint .. (foreign and " of another subscription" or "")
            .. " reaches {resource.name} now" }
      end
    end
  end,
  examples = {
    { id = HERE .. "/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
      old = connections(), new = connections(connection("c", ABROAD, "Approved")), gives = "high" },
    { id = HERE .. "/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
      old = connections(connection("c", ABROAD, "Pending")), new = connections(connection("c", ABROAD, "Approved")),
      gives = "high" },
    { id = HERE .. "/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
      old = { properties = {} }, new = connections(connection("c", HERE, "Approved")), gives = "low" },
    { id = HERE .. "/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a",
      old = connections(connection("c", ABROAD, "Approved")), new = { properties = {} }, gives = false },
  },
}
