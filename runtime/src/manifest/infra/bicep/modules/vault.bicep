// What is secret. Its values are put there by hand, and so are in no deployment.

param location string
param name string
param vaultName string

@description('Whether allowedAddresses come in from outside the network: Disabled or Enabled.')
param publicNetworkAccess string
param allowedAddresses array
param recoveryDays int
param workspace string
param logged array
param endpointsSubnet string
param zone string

@description('The key that encrypts the accounts; empty: Microsoft\'s.')
param encryptionKey string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: vaultName
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: recoveryDays
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      defaultAction: 'Deny'
      // The accounts read their key so.
      bypass: 'AzureServices'
      ipRules: [for address in allowedAddresses: {
        value: address
      }]
    }
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-vault'
  params: {
    location: location
    name: '${name}-vault'
    subnet: endpointsSubnet
    target: vault.id
    group: 'vault'
    zone: zone
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-workspace'
  properties: {
    workspaceId: workspace
    logs: [for category in logged: {
      category: category
      enabled: true
    }]
  }
}

resource encryption 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (!empty(encryptionKey)) {
  name: '${name}_encryption'
  location: location
}

resource key 'Microsoft.KeyVault/vaults/keys@2023-07-01' existing = {
  parent: vault
  name: empty(encryptionKey) ? 'none' : encryptionKey
}

// Key Vault Crypto Service Encryption User
resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(encryptionKey)) {
  scope: key
  name: guid(key.id, name, 'e147488a-f6f5-4113-8e2d-b22465e65bf6')
  properties: {
    principalId: empty(encryptionKey) ? '' : encryption.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'e147488a-f6f5-4113-8e2d-b22465e65bf6')
  }
}

output uri string = vault.properties.vaultUri
output name string = vault.name
output encryptionIdentity string = empty(encryptionKey) ? '' : encryption.id
