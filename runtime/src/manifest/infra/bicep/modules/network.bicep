// The apps go out by one subnet; what they use, and they, are reached in another.

param location string
param name string
param addressSpace string
param appsAddresses string
param endpointsAddresses string

@description('Zones of private names, by what they are of.')
param zones object

resource appsGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-apps'
  location: location
}

resource endpointsGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-endpoints'
  location: location
  properties: {
    securityRules: [
      {
        name: 'https-from-the-network'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'VirtualNetwork'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '443'
        }
      }
      {
        name: 'nothing-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressSpace
      ]
    }
    subnets: [
      {
        // Flex Consumption asks for this delegation.
        name: 'apps'
        properties: {
          addressPrefix: appsAddresses
          defaultOutboundAccess: false
          delegations: [
            {
              name: 'apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
          networkSecurityGroup: {
            id: appsGroup.id
          }
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointsAddresses
          defaultOutboundAccess: false
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
          networkSecurityGroup: {
            id: endpointsGroup.id
          }
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [for item in items(zones): {
  name: item.value
  location: 'global'
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for item in items(zones): {
  name: '${item.value}/${name}-network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
  dependsOn: [
    zone
  ]
}]

output appsSubnet string = '${network.id}/subnets/apps'
output endpointsSubnet string = '${network.id}/subnets/endpoints'
