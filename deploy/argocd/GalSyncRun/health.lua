-- A run ends well or not; until then it works, or waits for a person, which Argo CD calls suspended.
local health = {status = "Progressing", message = "Waiting for the operator"}
if obj.metadata.deletionTimestamp ~= nil then
  health.message = "Being deleted"
  return health
end
if obj.status == nil or obj.status.conditions == nil then
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
local completed = conditions.Completed
if completed == nil then
  if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
    return {status = "Degraded", message = says(conditions.Stalled)}
  end
  return health
end
if completed.status ~= "True" then
  if completed.reason == "ApprovalRequired" then
    return {status = "Suspended", message = "A plan waits for approval"}
  end
  return {status = "Progressing", message = says(completed)}
end
if conditions.Succeeded ~= nil and conditions.Succeeded.status == "True" then
  return {status = "Healthy", message = says(conditions.Succeeded)}
end
if completed.reason == "Superseded" then
  return {status = "Healthy", message = says(completed)}
end
return {status = "Degraded", message = says(completed)}
