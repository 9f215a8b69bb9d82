//! Which address is which door.

use std::sync::{Arc, OnceLock};

use actix_web::{
    middleware::{Compress, from_fn},
    web::{self, Bytes, ServiceConfig},
};

use super::{
    DoorSettings, Engine, access_page, answers::Answers, exports, frame, graphiql, graphql, health, persisted::Persisted, private_calendar,
    proofs, publication, rate::Limiter, stream,
};

/// What all doors share.
pub(super) struct Doors {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) settings: DoorSettings,
    pub(super) limiter: Limiter,
    pub(super) persisted: Persisted,
    pub(super) answers: Answers,
    pub(super) sdl: OnceLock<Bytes>,
}

/// The doors, for `App::configure`. Make them once and clone them into each worker: they share buckets and counts.
pub fn routes(engine: Arc<dyn Engine>, settings: DoorSettings) -> impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static {
    let (limiter, answers) = (Limiter::new(settings.rate), Answers::within(settings.answers_bytes));
    let doors = web::Data::new(Doors { limiter, answers, persisted: Persisted::new(), sdl: OnceLock::new(), engine, settings });
    move |config| {
        let framed = |path: &str| web::resource(path).wrap(from_fn(frame));
        let published = |path: &str| web::resource(path).wrap(Compress::default()).wrap(from_fn(frame));
        config
            .app_data(doors)
            .service(
                framed("/graphql")
                    .route(web::post().to(graphql::post))
                    .route(web::get().to(graphql::get))
                    .default_service(web::to(graphql::other)),
            )
            .service(framed("/graphql/stream").route(web::post().to(stream::post)))
            .service(published("/graphql/assets/{file}").route(web::get().to(graphiql::asset)))
            .service(framed("/access").route(web::get().to(access_page::page)))
            .service(framed("/access/{file}").route(web::get().to(access_page::asset)))
            .service(framed("/exports/{name}").route(web::get().to(exports::file)))
            .service(
                framed("/proofs/verify")
                    .route(web::get().to(proofs::page))
                    .route(web::post().to(proofs::verify))
                    .default_service(web::to(graphql::other)),
            )
            .service(published("/calendar/workshops.ics").route(web::get().to(publication::workshops)))
            .service(published("/calendar/workshops/{id}.ics").route(web::get().to(publication::workshop)))
            .service(published("/calendar/workshops/{id}.jsonld").route(web::get().to(publication::event)))
            .service(framed("/calendar/private/{key}.ics").route(web::get().to(private_calendar::calendar)))
            .service(published("/meetings.json").route(web::get().to(publication::meetings)))
            .service(published("/hsds/{list}").route(web::get().to(publication::hsds)))
            .service(framed("/schema.graphql").route(web::get().to(health::schema)))
            .service(framed("/healthz").route(web::get().to(health::alive)))
            .service(framed("/readyz").route(web::get().to(health::ready)));
    }
}
