with

order_reviews as (
    select * from {{ current_rows('olist_files', 'order_reviews') }}
),

renamed as (
    select
        nullif(trim(review_id), '') as review_id,
        nullif(trim(order_id), '') as order_id,
        review_score,
        nullif(trim(review_comment_title), '') as comment_title,
        nullif(trim(review_comment_message), '') as comment_message,
        review_creation_date as created_at,
        review_answer_timestamp as answered_at,
        _batch_id,
        _extracted_at,
        _source_file,
        _source_line,
        _delivery_sequence
    from order_reviews
)

select * from renamed
