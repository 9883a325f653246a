// A storage account: reached from inside the network, by identities, and by no key.

param location string
param name string
param accountName string
param accountSku string
param containers array
param queues array

@description('The services that are used: blob, queue.')
param services array
param versioned bool

@description('Whether Azure\'s own services come in: Event Grid, which tells queues.')
param trustsAzure bool

@description('Whether allowedAddresses come in from outside the network: Disabled or Enabled.')
param publicNetworkAccess string
param allowedAddresses array
param recoveryDays int
param workspace string
param logged array
param endpointsSubnet string
param zones object
param vaultUri string
param encryptionKey string
param encryptionIdentity string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  // checkov:skip=CKV_AZURE_43: the name is a parameter, within 3 to 24 characters
  // checkov:skip=CKV_AZURE_206: the account of the data is replicated (GRS); a host's is not, as publishing fills it again
  name: accountName
  location: location
  kind: 'StorageV2'
  sku: {
    name: accountSku
  }
  identity: empty(encryptionIdentity) ? null : {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${encryptionIdentity}': {}
    }
  }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: 'Deny'
      bypass: trustsAzure ? 'AzureServices' : 'None'
      ipRules: [for address in allowedAddresses: {
        value: address
        action: 'Allow'
      }]
    }
    encryption: {
      keySource: empty(encryptionKey) ? 'Microsoft.Storage' : 'Microsoft.Keyvault'
      requireInfrastructureEncryption: true
      services: {
        blob: {
          enabled: true
          keyType: 'Account'
        }
        queue: {
          enabled: true
          keyType: 'Account'
        }
      }
      keyvaultproperties: empty(encryptionKey) ? null : {
        keyname: encryptionKey
        keyvaulturi: vaultUri
      }
      identity: empty(encryptionKey) ? null : {
        userAssignedIdentity: encryptionIdentity
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: versioned
    deleteRetentionPolicy: {
      enabled: true
      days: recoveryDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: recoveryDays
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for item in containers: {
  parent: blobs
  name: item
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for item in queues: {
  parent: queueService
  name: item
}]

module endpoint 'endpoint.bicep' = [for service in services: {
  name: 'endpoint-${accountName}-${service}'
  params: {
    location: location
    name: '${name}-${service}'
    subnet: endpointsSubnet
    target: account.id
    group: service
    zone: zones[service]
  }
}]

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspace
    logs: [for category in logged: {
      category: category
      enabled: true
    }]
  }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (contains(services, 'queue')) {
  scope: queueService
  name: 'to-workspace'
  properties: {
    workspaceId: workspace
    logs: [for category in logged: {
      category: category
      enabled: true
    }]
  }
}

output name string = account.name
output id string = account.id
output blobEndpoint string = account.properties.primaryEndpoints.blob
