
var outside = empty(allowedAddresses) ? 'Disabled' : 'Enabled'

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    location: location
    name: name
    addressSpace: addressSpace
    appsAddresses: appsAddresses
    endpointsAddresses: endpointsAddresses
    zones: zones
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    name: name
    retentionDays: retentionDays
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    name: name
    vaultName: vaultName
    publicNetworkAccess: outside
    allowedAddresses: allowedAddresses
    recoveryDays: vaultRecoveryDays
    workspace: monitoring.outputs.workspace
    logged: logged.vault
    endpointsSubnet: network.outputs.endpointsSubnet
    zone: zones.vault
    encryptionKey: encryptionKey
  }
}

// What the functions keep, what comes in, and their queues.
module data 'modules/account.bicep' = {
  name: 'data'
  params: {
    location: location
    name: '${name}-data'
    accountName: dataAccount
    accountSku: replication
    containers: containers
    queues: queues
    services: [
      'blob'
      'queue'
    ]
    versioned: true
    trustsAzure: true
    publicNetworkAccess: outside
    allowedAddresses: allowedAddresses
    recoveryDays: recoveryDays
    workspace: monitoring.outputs.workspace
    logged: logged.storage
    endpointsSubnet: network.outputs.endpointsSubnet
    zones: zones
    vaultUri: vault.outputs.uri
    encryptionKey: encryptionKey
    encryptionIdentity: vault.outputs.encryptionIdentity
  }
}

module alerting 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    name: name
    insightsName: monitoring.outputs.insights
    alerts: alerts
    actionGroups: actionGroups
  }
}
