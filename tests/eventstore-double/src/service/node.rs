//! What a node says of itself and of the others.

use std::sync::atomic::Ordering;

use tonic::{Request, Response, Status};

use super::{Needs, Node, wire_uuid};
use crate::protocol::event_store::client::gossip::gossip_server::Gossip;
use crate::protocol::event_store::client::gossip::member_info::VNodeState;
use crate::protocol::event_store::client::gossip::{ClusterInfo, EndPoint, MemberInfo};
use crate::protocol::event_store::client::server_features::server_features_server::ServerFeatures;
use crate::protocol::event_store::client::server_features::{SupportedMethod, SupportedMethods};
use crate::shared::now;

/// The release the double pretends to be.
pub(crate) const VERSION: &str = "25.0.0";
const STREAMS: &str = "event_store.client.streams.streams";

#[tonic::async_trait]
impl ServerFeatures for Node {
    async fn get_supported_methods(
        &self,
        request: Request<()>,
    ) -> Result<Response<SupportedMethods>, Status> {
        self.admit(request.metadata(), Needs::Nothing)?;
        self.shared.pace().await;
        let method = |service: &str, name: &str, features: &[&str]| SupportedMethod {
            method_name: name.into(),
            service_name: service.into(),
            features: features.iter().map(ToString::to_string).collect(),
        };
        Ok(Response::new(SupportedMethods {
            methods: vec![
                method(STREAMS, "read", &["position", "events"]),
                method(STREAMS, "append", &[]),
                method(STREAMS, "batchappend", &["deadline_duration"]),
                method(STREAMS, "delete", &[]),
                method(STREAMS, "tombstone", &[]),
                method("event_store.client.gossip.gossip", "read", &[]),
            ],
            event_store_server_version: VERSION.into(),
        }))
    }
}

#[tonic::async_trait]
impl Gossip for Node {
    async fn read(&self, request: Request<()>) -> Result<Response<ClusterInfo>, Status> {
        self.admit(request.metadata(), Needs::Nothing)?;
        self.shared.pace().await;
        let leader = self.shared.leader();
        let members = self
            .shared
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| MemberInfo {
                instance_id: Some(wire_uuid(member.id, false)),
                time_stamp: now(),
                state: if index == leader {
                    VNodeState::Leader.into()
                } else {
                    VNodeState::Follower.into()
                },
                is_alive: member.listening.load(Ordering::SeqCst),
                http_end_point: Some(EndPoint {
                    address: member.address.ip().to_string(),
                    port: member.address.port().into(),
                }),
            })
            .collect();
        Ok(Response::new(ClusterInfo { members }))
    }
}
