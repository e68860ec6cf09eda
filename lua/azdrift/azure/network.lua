--- Failures on the way to Azure, with what to mend, by the reason that the HTTP client gives. Pure.

local network = {}

local ADVICE = {
  untrusted = "its certificate is not trusted here: name the certificates of your company's proxy, or of your cloud, in "
    .. "collect.ca_file (AZDRIFT_CA_FILE, a PEM file)",
  resolve = "is there a way to the network (collect.proxy, HTTPS_PROXY)?",
  connect = "is there a way to the network (collect.proxy, HTTPS_PROXY)?",
  timeout = "is there a way to the network (collect.proxy, HTTPS_PROXY)?",
}

--- The sentence of a failed request and what may mend it.
function network.sentence(problem, reason)
  local advice = ADVICE[reason]
  return advice and problem .. "; " .. advice or problem
end

return network
