
module hubs 'modules/hubs.bicep' = {
  name: 'hubs'
  params: {
    location: location
    name: name
    namespaceName: eventsNamespace
    hubs: hubNames
    groups: hubGroups
    partitions: partitions
    eventHours: eventHours
    publicNetworkAccess: outside
    allowedAddresses: allowedAddresses
    workspace: monitoring.outputs.workspace
    logged: logged.hubs
    endpointsSubnet: network.outputs.endpointsSubnet
    zone: zones.namespace
  }
}
