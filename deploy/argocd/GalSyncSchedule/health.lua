-- Ready says: able to run; how the last pass went is the condition Synced, which is shown and does not count: a failed night must not fail a deployment.
local health = {status = "Progressing", message = "Waiting for the operator"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
  return health
end
if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.metadata.generation ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "The operator has not seen the last change yet"
  return health
end
local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function says(condition)
  if condition.message ~= nil and condition.message ~= "" then
    return condition.reason .. ": " .. condition.message
  end
  return condition.reason
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return {status = "Degraded", message = says(conditions.Stalled)}
end
if conditions.Reconciling ~= nil and conditions.Reconciling.status == "True" then
  return {status = "Progressing", message = says(conditions.Reconciling)}
end
local ready = conditions.Ready
if ready == nil or ready.status == "Unknown" then
  if ready ~= nil then
    health.message = says(ready)
  end
  return health
end
if ready.status == "False" then
  return {status = "Degraded", message = says(ready)}
end
if conditions.ApprovalRequired ~= nil and conditions.ApprovalRequired.status == "True" then
  return {status = "Healthy", message = "Approval required: " .. says(conditions.ApprovalRequired)}
end
if ready.reason ~= "Suspended" and conditions.Synced ~= nil then
  return {status = "Healthy", message = says(conditions.Synced)}
end
return {status = "Healthy", message = says(ready)}
