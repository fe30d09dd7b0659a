/** Paths of the Kubernetes API that the parts of the Cilium stand-in use. */
export const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
export const ciliumNodes = '/apis/cilium.io/v2/ciliumnodes'
export const ciliumIdentities = '/apis/cilium.io/v2/ciliumidentities'
export const ciliumNodeConfigs = '/apis/cilium.io/v2/namespaces/kube-system/ciliumnodeconfigs'
export const allCiliumEndpoints = '/apis/cilium.io/v2/ciliumendpoints'
export const ciliumEndpoints = (namespace: string) => `/apis/cilium.io/v2/namespaces/${namespace}/ciliumendpoints`
export const networkPolicies = '/apis/networking.k8s.io/v1/networkpolicies'
export const services = '/api/v1/services'
export const endpointSlices = '/apis/discovery.k8s.io/v1/endpointslices'
export const nodes = '/api/v1/nodes'
export const pods = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`
export const namespaces = '/api/v1/namespaces'
export const ciliumConfig = '/api/v1/namespaces/kube-system/configmaps/cilium-config'
