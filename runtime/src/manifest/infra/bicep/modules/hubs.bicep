// Event hubs: reached from inside the network, by identities, and by no key.

param location string
param name string
param namespaceName string

@description('What the hubs are called.')
param hubs array

@description('Who keeps in mind what was read, beside $Default: hub, name.')
param groups array
param partitions int
param eventHours int

@description('Whether allowedAddresses come in from outside the network: Disabled or Enabled.')
param publicNetworkAccess string
param allowedAddresses array
param workspace string
param logged array
param endpointsSubnet string
param zone string

resource hubsNamespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: 1
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: publicNetworkAccess
    isAutoInflateEnabled: true
    maximumThroughputUnits: 4
  }
}

resource rules 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = {
  parent: hubsNamespace
  name: 'default'
  properties: {
    defaultAction: 'Deny'
    publicNetworkAccess: publicNetworkAccess
    trustedServiceAccessEnabled: false
    ipRules: [for address in allowedAddresses: {
      ipMask: address
      action: 'Allow'
    }]
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [for item in hubs: {
  parent: hubsNamespace
  name: item
  properties: {
    partitionCount: partitions
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: eventHours
    }
  }
}]

resource consumers 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [for item in groups: {
  name: '${namespaceName}/${item.hub}/${item.name}'
  dependsOn: [
    hub
  ]
}]

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-hubs'
  params: {
    location: location
    name: '${name}-hubs'
    subnet: endpointsSubnet
    target: hubsNamespace.id
    group: 'namespace'
    zone: zone
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: hubsNamespace
  name: 'to-workspace'
  properties: {
    workspaceId: workspace
    logs: [for category in logged: {
      category: category
      enabled: true
    }]
  }
}

output name string = hubsNamespace.name
