// The app of one function. Flex Consumption hosts one app in a plan.

param location string
param appName string
param identity string
param settings object

@description('The container of the app\'s package.')
param package string
param runtimeVersion string
param instanceMemory int
param maximumInstances int
param zoneRedundant bool

@description('Whether clients reach it from the internet: Disabled or Enabled.')
param publicNetworkAccess string
param appsSubnet string
param endpointsSubnet string
param zone string
param workspace string
param logged array

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225: not every region has zones, so zoneRedundant says it
  name: appName
  location: location
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  // checkov:skip=CKV_AZURE_17: clients show a key of the function, and the token of serve.token
  // checkov:skip=CKV_AZURE_212: Flex Consumption has as many instances as there is work, down to none
  // checkov:skip=CKV_AZURE_213: Flex Consumption has no health check: the host asks whether the program is ready
  // checkov:skip=CKV_AZURE_222: Disabled, unless the parameter publicFaces says otherwise
  name: appName
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkSubnetId: appsSubnet
    // Without it the vault would be asked as an identity that the app does not have.
    keyVaultReferenceIdentity: identity
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: package
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity
          }
        }
      }
      runtime: {
        name: 'custom'
        version: runtimeVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemory
        maximumInstanceCount: maximumInstances
      }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      remoteDebuggingEnabled: false
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: settings
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource publishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'endpoint-${appName}'
  params: {
    location: location
    name: '${appName}-app'
    subnet: endpointsSubnet
    target: app.id
    group: 'sites'
    zone: zone
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-workspace'
  properties: {
    workspaceId: workspace
    logs: [for category in logged: {
      category: category
      enabled: true
    }]
  }
}

output name string = app.name
output face string = 'https://${app.properties.defaultHostName}'
